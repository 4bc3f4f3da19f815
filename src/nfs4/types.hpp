// Constants and small types of NFSv4.1 (RFC 8881; XDR in RFC 5662) and of 4.0 (RFC 7530).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/nfsstat4.hpp"
#include "nfs4/xdr.hpp"

namespace nfsferry::nfs4 {

inline constexpr std::uint32_t kProgram = 100003;
inline constexpr std::uint32_t kVersion = 4;
inline constexpr std::size_t kFileHandleMost = 128;  // NFS4_FHSIZE
inline constexpr std::size_t kOpaqueMost = 1024;     // NFS4_OPAQUE_LIMIT
inline constexpr std::size_t kNameMost = 4096;       // what we accept before looking closer
inline constexpr std::size_t kLinkTextMost = 65536;
inline constexpr std::size_t kReplyPayloadMost = 16u << 20;

using FileHandle = std::string;  // bytes, at most kFileHandleMost
using Verifier = std::array<std::byte, 8>;
using SessionId = std::array<std::byte, 16>;

// nfs_opnum4
enum class Op : std::uint32_t {
  kAccess = 3,
  kClose = 4,
  kCommit = 5,
  kCreate = 6,
  kGetattr = 9,
  kGetfh = 10,
  kLink = 11,
  kLock = 12,
  kLocku = 14,
  kLookup = 15,
  kOpen = 18,
  kOpenConfirm = 20,  // this and the three below: 4.0 only
  kPutfh = 22,
  kPutpubfh = 23,
  kPutrootfh = 24,
  kRead = 25,
  kReaddir = 26,
  kReadlink = 27,
  kRemove = 28,
  kRename = 29,
  kRenew = 30,
  kRestorefh = 31,
  kSavefh = 32,
  kSetattr = 34,
  kSetclientid = 35,
  kSetclientidConfirm = 36,
  kVerify = 37,
  kWrite = 38,
  kBindConnToSession = 41,
  kExchangeId = 42,
  kCreateSession = 43,
  kDestroySession = 44,
  kSequence = 53,
  kDestroyClientid = 57,
  kReclaimComplete = 58,
  kIllegal = 10044,
};

struct Stateid {
  std::uint32_t seqid = 0;
  std::array<std::byte, 12> other{};

  static Stateid anonymous() { return {}; }            // RFC 8881 section 8.2.3
  static Stateid current() { return Stateid{1, {}}; }  // section 16.2.3.1.2
  static Stateid bypass() {                            // READ bypass
    Stateid id{0xffffffff, {}};
    id.other.fill(std::byte{0xff});
    return id;
  }
  bool operator==(const Stateid&) const = default;
  void encode(XdrWriter& out) const {
    out.u32(seqid);
    out.fixed(other);
  }
  void decode(XdrReader& in) {
    seqid = in.u32();
    auto bytes = in.fixed(other.size());
    if (bytes.size() == other.size()) std::copy(bytes.begin(), bytes.end(), other.begin());
  }
};

// Attribute numbers (RFC 8881 section 5.8)
enum class Attr : std::uint32_t {
  kSupportedAttrs = 0,
  kType = 1,
  kChange = 3,
  kSize = 4,
  kFsid = 8,
  kLeaseTime = 10,
  kRdattrError = 11,
  kAcl = 12,
  kFilehandle = 19,
  kFileid = 20,
  kFilesAvail = 21,
  kFilesFree = 22,
  kMaxRead = 30,
  kMaxWrite = 31,
  kMode = 33,
  kNumlinks = 35,
  kOwner = 36,
  kOwnerGroup = 37,
  kRawdev = 41,
  kSpaceAvail = 42,
  kSpaceFree = 43,
  kSpaceTotal = 44,
  kSpaceUsed = 45,
  kTimeAccess = 47,
  kTimeAccessSet = 48,
  kTimeMetadata = 52,
  kTimeModify = 53,
  kTimeModifySet = 54,
};

// bitmap4 of the attributes we know (numbers below 64).
class AttrMask {
 public:
  constexpr AttrMask() = default;
  constexpr AttrMask(std::initializer_list<Attr> attributes) {
    for (Attr attribute : attributes) add(attribute);
  }
  constexpr void add(Attr attribute) { bits_ |= bit(attribute); }
  constexpr void remove(Attr attribute) { bits_ &= ~bit(attribute); }
  constexpr bool has(Attr attribute) const { return (bits_ & bit(attribute)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr AttrMask intersect(AttrMask other) const { return AttrMask(bits_ & other.bits_); }
  constexpr std::uint64_t bits() const { return bits_; }  // bit N: the attribute of number N
  // What stays after the known attributes are taken away.
  constexpr std::uint64_t without(AttrMask known) const { return bits_ & ~known.bits_; }

  void encode(XdrWriter& out) const {
    out.u32(2);
    out.u32(static_cast<std::uint32_t>(bits_));
    out.u32(static_cast<std::uint32_t>(bits_ >> 32));
  }
  // Bits beyond 64 must be zero where `strict`, else they are dropped.
  void decode(XdrReader& in, bool strict) {
    bits_ = 0;
    std::uint32_t words = in.u32();
    if (words > 16) return in.fail();
    for (std::uint32_t i = 0; i < words; ++i) {
      std::uint64_t word = in.u32();
      if (i < 2)
        bits_ |= word << (32 * i);
      else if (strict && word != 0)
        in.fail();
    }
  }

 private:
  constexpr explicit AttrMask(std::uint64_t bits) : bits_(bits) {}
  static constexpr std::uint64_t bit(Attr attribute) {
    return std::uint64_t{1} << static_cast<std::uint32_t>(attribute);
  }
  std::uint64_t bits_ = 0;
};

}  // namespace nfsferry::nfs4
