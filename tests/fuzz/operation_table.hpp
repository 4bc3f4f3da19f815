// Every operation whose result we decode.
#pragma once

#include <array>

#include "base/result.hpp"
#include "nfs4/compound.hpp"

namespace nfsferry::fuzz {

struct Decoder {
  nfs4::Op number;
  Status (*take)(nfs4::CompoundReply& reply);
  void (*skip)(nfs4::XdrReader& in);  // of a result with NFS4_OK, from behind its status
};

template <typename Operation>
constexpr Decoder decoder() {
  return Decoder{Operation::kNumber,
                 [](nfs4::CompoundReply& reply) -> Status {
                   NFSFERRY_TRY(auto taken, reply.take<Operation>(), return);
                   return ok();
                 },
                 [](nfs4::XdrReader& in) {
                   typename Operation::Reply reply{};
                   Operation::decode(in, reply);
                 }};
}

// Inputs refer to it by index: new ones go to the end.
inline constexpr std::array kDecoders{
    decoder<nfs4::Putrootfh>(),
    decoder<nfs4::Putfh>(),
    decoder<nfs4::Savefh>(),
    decoder<nfs4::Restorefh>(),
    decoder<nfs4::Lookup>(),
    decoder<nfs4::Getfh>(),
    decoder<nfs4::Getattr>(),
    decoder<nfs4::Verify>(),
    decoder<nfs4::Setattr>(),
    decoder<nfs4::OpenCreate>(),
    decoder<nfs4::Close>(),
    decoder<nfs4::Lock>(),
    decoder<nfs4::Locku>(),
    decoder<nfs4::Read>(),
    decoder<nfs4::Write>(),
    decoder<nfs4::Commit>(),
    decoder<nfs4::Rename>(),
    decoder<nfs4::Remove>(),
    decoder<nfs4::Link>(),
    decoder<nfs4::Create>(),
    decoder<nfs4::Readlink>(),
    decoder<nfs4::Readdir>(),
    decoder<nfs4::Sequence>(),
    decoder<nfs4::ExchangeId>(),
    decoder<nfs4::CreateSession>(),
    decoder<nfs4::DestroySession>(),
    decoder<nfs4::DestroyClientid>(),
    decoder<nfs4::ReclaimComplete>(),
    decoder<nfs4::OpenExisting>(),
    decoder<nfs4::BindConnToSession>(),
    decoder<nfs4::Putpubfh>(),
    decoder<nfs4::Setclientid>(),
    decoder<nfs4::SetclientidConfirm>(),
    decoder<nfs4::OpenConfirm>(),
    decoder<nfs4::Renew>(),
};

}  // namespace nfsferry::fuzz
