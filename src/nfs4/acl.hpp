// An NFSv4 ACL, as far as it can be held against a mode.
#pragma once

#include <array>
#include <cstdint>

#include "nfs4/xdr.hpp"

namespace nfsferry::nfs4 {

// What the nfsace4s of one file come to for its owner, its group and everyone else; the entries
// themselves are not kept. RFC 8881 sections 6.2.1, 6.3.2.
class Acl {
 public:
  void decode(XdrReader& in);
  // Whether it grants or withholds what this mode does not, names somebody, is to be inherited, or
  // audits. Rights that servers derive from a mode each in their own way (to read attributes and
  // the ACL; the owner's to write them) say nothing.
  bool says_more_than(std::uint32_t mode, bool is_directory) const;

 private:
  struct Class {
    std::uint32_t allowed = 0;
    std::uint32_t decided = 0;  // the first entry about a right counts
  };
  void add(std::uint32_t type, std::uint32_t flags, std::uint32_t rights, std::string_view who);

  std::array<Class, 3> classes_;  // owner, group, others
  bool empty_ = true;             // a server that has none for the file may send such a one
  bool beyond_ = false;           // there are entries that no mode stands for
};

}  // namespace nfsferry::nfs4
