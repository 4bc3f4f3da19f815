// A network of the calling process's own, for servers that want the machine's ports: it has
// loopback and a pair of Ethernet devices with an address, and it is gone with the processes in it.
#pragma once

#include <string>

namespace nfsferry::test {

// Moves the calling thread, and what it starts from then on, into such a network and gives it an
// empty /run (rpcbind's socket is there). Once per process, before there are other threads. Empty,
// or why it cannot be had here.
const std::string& enter_private_network();

// Why a test that needs NFSv3's server is to be skipped; empty: run it. Enters the network. Under
// CI it is always empty, so that there a missing server fails the test.
std::string require_nfs3_server();

}  // namespace nfsferry::test
