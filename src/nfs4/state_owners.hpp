#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "loop/sync.hpp"
#include "nfs4/compound.hpp"

namespace nfsferry::nfs4 {

// Who opens and locks on NFSv4.0 (RFC 7530 section 9.1): a server keeps OPENs, LOCKs and what ends
// them in order by owners, each with a sequence id that counts its operations, failing ones too.
// So an owner has one request with such operations on its way at a time: its turn. One whose last
// request has no known outcome is out of step, and a new one takes its place; what it left open
// ends with the client id.
class StateOwners {
 public:
  // Requests that open files at once, beside the one of a recovery. Amazon EFS takes 128
  // open-owners: four threads' clients, with both sides on one file system, have no more.
  static constexpr std::size_t kOpenOwnersMost = 15;
  enum class Caller : std::uint8_t { kAnybody, kRecovery };

  struct OpenedFile {
    FileHandle handle;
    Stateid stateid;
  };
  struct OpenOwner {
    std::uint32_t number = 0;  // its name at the server
    std::uint32_t seqid = 1;   // of its next operation
    bool busy = false;
    bool lost = false;                      // out of step, or its client id is gone
    bool closing = false;                   // somebody is about to send the CLOSEs
    std::optional<OpenedFile> unconfirmed;  // by whose OPEN the server has met this owner
    std::vector<OpenedFile> to_close;
  };
  struct LockOwner {
    std::uint32_t number = 0;
    std::uint32_t seqid = 1;
  };

  // The owners of one request, from before it is sent until what came of it is settled.
  class Turn {
   public:
    Turn() = default;
    Turn(Turn&& other) noexcept = default;
    Turn& operator=(Turn&& other) noexcept;
    ~Turn() { end(); }
    void end();
    bool has_owner() const { return open_ || lock_; }
    bool is_lost() const { return open_ && open_->lost; }
    const std::shared_ptr<OpenOwner>& open_owner() const { return open_; }

   private:
    friend class StateOwners;
    StateOwners* owners_ = nullptr;
    std::shared_ptr<OpenOwner> open_;
    std::shared_ptr<LockOwner> lock_;
  };

  StateOwners() = default;
  StateOwners(const StateOwners&) = delete;
  StateOwners& operator=(const StateOwners&) = delete;

  // Waits for the owners that the request's operations belong to, for an OPEN for any free one.
  // Who waits for the end of a recovery may have a turn meanwhile: the recovery's OPENs have an
  // owner of their own.
  Task<Turn> begin(const Compound& request, Caller caller = Caller::kAnybody);
  // Sequence ids, the owners' names, client id, and stateids as the server last numbered them.
  void fill_in(Compound& request, const Turn& turn, std::uint64_t clientid) const;
  // The CLOSEs are done.
  void closed(OpenOwner& owner);
  // Counts what was executed: `results` of the request's operations, the last with this status.
  void settle(const Compound& request, Turn& turn, std::size_t results, Nfsstat4 status);
  // By OPEN, or as OPEN_CONFIRM numbers it anew.
  void opened(const Turn& turn, const Stateid& stateid);
  void locked(const Turn& turn, const Stateid& stateid);
  // What became of the request is not known.
  void abandon(Turn& turn);
  // A lock of an owner that was given up may be held: it denies every other owner of ours the same,
  // until the client id goes.
  bool has_lost_lock() const { return lost_lock_; }
  // A new client id: nothing of the old one's state is left.
  void reset();
  const std::vector<std::shared_ptr<OpenOwner>>& open_owners() const { return owners_; }
  // The server keeps something open, or may do so.
  bool has_state() const { return !files_.empty() || left_open_; }

 private:
  using Other = std::array<std::byte, 12>;  // what names a stateid whatever its seqid
  struct File {
    std::shared_ptr<OpenOwner> owner;
    std::uint32_t seqid = 0;
  };

  std::shared_ptr<OpenOwner> free_owner();  // none once all that may be are taken
  std::shared_ptr<OpenOwner> owner_of_recovery();
  std::shared_ptr<OpenOwner> new_owner();
  std::shared_ptr<OpenOwner> owner_of(const Stateid& stateid) const;
  std::shared_ptr<LockOwner> lock_owner_of(const Stateid& stateid) const;
  void renumber(Compound& request, std::size_t stateid_at) const;
  void lose(const std::shared_ptr<OpenOwner>& owner);

  std::vector<std::shared_ptr<OpenOwner>> owners_;
  std::shared_ptr<OpenOwner> of_recovery_;
  std::map<Other, File> files_;
  std::map<Other, std::shared_ptr<LockOwner>> locks_;
  std::uint32_t next_number_ = 1;
  bool left_open_ = false;
  bool lost_lock_ = false;
  Event turn_ended_;
};

}  // namespace nfsferry::nfs4
