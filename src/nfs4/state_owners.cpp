#include "nfs4/state_owners.hpp"

#include <algorithm>

namespace nfsferry::nfs4 {
namespace {

// Where the fields stand that 4.0 wants, counted from an operation's number. Owners' names are two
// words long, in the place of kOwnerName.
namespace at {
constexpr std::size_t kStateid = 4;  // of most operations
constexpr std::size_t kOpenSeqid = 4, kOpenAccess = 8, kOpenClientid = 16, kOpenOwner = 28;
constexpr std::size_t kCloseSeqid = 4, kCloseStateid = 8;
constexpr std::size_t kConfirmSeqid = 20;
constexpr std::size_t kLockIsNew = 28, kLockOpenSeqid = 32, kLockOpenStateid = 36;
constexpr std::size_t kLockNewSeqid = 52, kLockClientid = 56, kLockOwner = 68;
constexpr std::size_t kLockStateid = 32, kLockSeqid = 48;
constexpr std::size_t kLockuSeqid = 8, kLockuStateid = 12;
}  // namespace at

constexpr std::uint32_t kShareAccess = 3;  // without 4.1's wishes about delegations
constexpr std::uint32_t kOpenNamePart = 0x6f70656e;
constexpr std::uint32_t kLockNamePart = 0x6c6f636b;

std::uint32_t word_at(const Compound& request, std::size_t position) {
  return XdrReader(request.body().head().subspan(position)).u32();
}

Stateid stateid_at(const Compound& request, std::size_t position) {
  XdrReader reader(request.body().head().subspan(position));
  Stateid stateid;
  stateid.decode(reader);
  return stateid;
}

void patch_u64(Compound& request, std::size_t position, std::uint64_t value) {
  request.patch_u32(position, static_cast<std::uint32_t>(value >> 32));
  request.patch_u32(position + 4, static_cast<std::uint32_t>(value));
}

void patch_name(Compound& request, std::size_t position, std::uint32_t kind, std::uint32_t number) {
  request.patch_u32(position, kind);
  request.patch_u32(position + 4, number);
}

bool is_new_lock(const Compound& request, std::size_t operation) {
  return word_at(request, request.position(operation) + at::kLockIsNew) == 1;
}

// RFC 7530 section 9.1.7: these leave the sequence id where it was.
bool counts(Nfsstat4 status) {
  switch (status) {
    case Nfsstat4::kStaleClientid:
    case Nfsstat4::kStaleStateid:
    case Nfsstat4::kBadStateid:
    case Nfsstat4::kBadSeqid:
    case Nfsstat4::kBadxdr:
    case Nfsstat4::kResource:
    case Nfsstat4::kNofilehandle:
    case Nfsstat4::kMoved: return false;
    default: return true;
  }
}

}  // namespace

StateOwners::Turn& StateOwners::Turn::operator=(Turn&& other) noexcept {
  end();
  owners_ = other.owners_;
  open_ = std::move(other.open_);
  lock_ = std::move(other.lock_);
  return *this;
}

void StateOwners::Turn::end() {
  if (open_) {
    open_->busy = false;
    owners_->turn_ended_.pulse();
  }
  open_.reset();
  lock_.reset();
}

Task<StateOwners::Turn> StateOwners::begin(const Compound& request, Caller caller) {
  Turn turn;
  turn.owners_ = this;
  std::shared_ptr<OpenOwner> owner;
  bool opens = false;
  for (std::size_t i = 0; i < request.operations().size(); ++i) {
    std::size_t position = request.position(i);
    switch (request.operations()[i]) {
      case Op::kOpen: opens = true; break;
      case Op::kClose: owner = owner_of(stateid_at(request, position + at::kCloseStateid)); break;
      case Op::kOpenConfirm: owner = owner_of(stateid_at(request, position + at::kStateid)); break;
      case Op::kLock:
        if (is_new_lock(request, i)) {
          owner = owner_of(stateid_at(request, position + at::kLockOpenStateid));
          turn.lock_ = std::make_shared<LockOwner>();
          turn.lock_->number = next_number_++;
        } else {
          turn.lock_ = lock_owner_of(stateid_at(request, position + at::kLockStateid));
        }
        break;
      case Op::kLocku:
        turn.lock_ = lock_owner_of(stateid_at(request, position + at::kLockuStateid));
        break;
      default: break;
    }
  }
  if (opens) owner = caller == Caller::kRecovery ? owner_of_recovery() : free_owner();
  while (opens && !owner) {
    co_await turn_ended_.wait();
    owner = free_owner();
  }
  while (owner && owner->busy && !owner->lost) co_await turn_ended_.wait();
  if (owner && !owner->lost) {
    owner->busy = true;
    turn.open_ = std::move(owner);
  }
  co_return turn;
}

void StateOwners::fill_in(Compound& request, const Turn& turn, std::uint64_t clientid) const {
  std::uint32_t open_seqid = turn.open_ ? turn.open_->seqid : 0;
  std::uint32_t lock_seqid = turn.lock_ ? turn.lock_->seqid : 0;
  for (std::size_t i = 0; i < request.operations().size(); ++i) {
    std::size_t position = request.position(i);
    switch (request.operations()[i]) {
      case Op::kOpen: {
        std::uint32_t access = word_at(request, position + at::kOpenAccess) & kShareAccess;
        request.patch_u32(position + at::kOpenSeqid, open_seqid++);
        request.patch_u32(position + at::kOpenAccess, access);
        patch_u64(request, position + at::kOpenClientid, clientid);
        patch_name(request, position + at::kOpenOwner, kOpenNamePart, turn.open_->number);
        break;
      }
      case Op::kClose:
        request.patch_u32(position + at::kCloseSeqid, open_seqid++);
        renumber(request, position + at::kCloseStateid);
        break;
      case Op::kOpenConfirm: request.patch_u32(position + at::kConfirmSeqid, open_seqid++); break;
      case Op::kLock:
        if (is_new_lock(request, i)) {
          request.patch_u32(position + at::kLockOpenSeqid, open_seqid++);
          renumber(request, position + at::kLockOpenStateid);
          request.patch_u32(position + at::kLockNewSeqid, lock_seqid++);
          patch_u64(request, position + at::kLockClientid, clientid);
          patch_name(request, position + at::kLockOwner, kLockNamePart, turn.lock_->number);
        } else {
          request.patch_u32(position + at::kLockSeqid, lock_seqid++);
        }
        break;
      case Op::kLocku: request.patch_u32(position + at::kLockuSeqid, lock_seqid++); break;
      case Op::kRead:
      case Op::kSetattr:
      case Op::kWrite: renumber(request, position + at::kStateid); break;
      default: break;
    }
  }
}

void StateOwners::settle(const Compound& request, Turn& turn, std::size_t results,
                         Nfsstat4 status) {
  for (std::size_t i = 0; i < results; ++i) {
    std::size_t position = request.position(i);
    Op op = request.operations()[i];
    Nfsstat4 result = i + 1 < results ? Nfsstat4::kOk : status;
    bool open = op == Op::kOpen || op == Op::kClose || op == Op::kOpenConfirm;
    bool lock = op == Op::kLock || op == Op::kLocku;
    if (op == Op::kLock) open = is_new_lock(request, i);
    if (open && turn.open_ && counts(result)) ++turn.open_->seqid;
    if (lock && turn.lock_ && counts(result)) ++turn.lock_->seqid;
    if (op == Op::kClose && result == Nfsstat4::kOk) {
      files_.erase(stateid_at(request, position + at::kCloseStateid).other);
    }
    if (op == Op::kLocku && result == Nfsstat4::kOk) {
      locks_.erase(stateid_at(request, position + at::kLockuStateid).other);
    }
    if ((open || lock) && result == Nfsstat4::kBadSeqid) abandon(turn);
  }
}

void StateOwners::closed(OpenOwner& owner) {
  owner.closing = false;
  turn_ended_.pulse();
}

void StateOwners::opened(const Turn& turn, const Stateid& stateid) {
  if (turn.open_) files_[stateid.other] = File{turn.open_, stateid.seqid};
}

void StateOwners::locked(const Turn& turn, const Stateid& stateid) {
  if (turn.lock_) locks_[stateid.other] = turn.lock_;
}

void StateOwners::abandon(Turn& turn) {
  left_open_ = left_open_ || turn.open_ || turn.lock_;
  lost_lock_ = lost_lock_ || turn.lock_;
  if (turn.open_) lose(turn.open_);
  std::erase_if(locks_, [&](const auto& lock) { return turn.lock_ && lock.second == turn.lock_; });
  turn.end();
}

// Files that it has open stay as they are, and are read and written by the number that they have.
void StateOwners::lose(const std::shared_ptr<OpenOwner>& owner) {
  owner->lost = true;
  std::erase(owners_, owner);
}

void StateOwners::reset() {
  for (const auto& owner : owners_) owner->lost = true;
  owners_.clear();
  if (of_recovery_) of_recovery_->lost = true;
  files_.clear();
  locks_.clear();
  left_open_ = false;
  lost_lock_ = false;
  turn_ended_.pulse();
}

std::shared_ptr<StateOwners::OpenOwner> StateOwners::free_owner() {
  auto free = std::find_if(owners_.begin(), owners_.end(),
                           [](const auto& owner) { return !owner->busy && !owner->closing; });
  if (free != owners_.end()) return *free;
  if (owners_.size() >= kOpenOwnersMost) return nullptr;
  return owners_.emplace_back(new_owner());
}

std::shared_ptr<StateOwners::OpenOwner> StateOwners::owner_of_recovery() {
  if (!of_recovery_ || of_recovery_->lost) of_recovery_ = new_owner();
  return of_recovery_;
}

std::shared_ptr<StateOwners::OpenOwner> StateOwners::new_owner() {
  auto owner = std::make_shared<OpenOwner>();
  owner->number = next_number_++;
  return owner;
}

std::shared_ptr<StateOwners::OpenOwner> StateOwners::owner_of(const Stateid& stateid) const {
  auto file = files_.find(stateid.other);
  return file == files_.end() ? nullptr : file->second.owner;
}

std::shared_ptr<StateOwners::LockOwner> StateOwners::lock_owner_of(const Stateid& stateid) const {
  auto lock = locks_.find(stateid.other);
  return lock == locks_.end() ? nullptr : lock->second;
}

void StateOwners::renumber(Compound& request, std::size_t stateid_at_position) const {
  Stateid stateid = stateid_at(request, stateid_at_position);
  auto file = files_.find(stateid.other);
  if (file != files_.end()) request.patch_u32(stateid_at_position, file->second.seqid);
}

}  // namespace nfsferry::nfs4
