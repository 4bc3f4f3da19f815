// A connection whose path is dead: what its other end sends gets nowhere.
#pragma once

#include <linux/filter.h>
#include <sys/socket.h>

#include "base/result.hpp"

namespace nfsferry::test {

// What the socket receives from now on is dropped, and not even acknowledged.
inline void go_deaf(int fd) {
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  sock_fprog program{1, &nothing};
  check(::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0,
        "a socket cannot be made deaf");
}

}  // namespace nfsferry::test
