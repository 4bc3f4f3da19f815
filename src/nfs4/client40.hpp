// A client of a server that speaks NFSv4.0 (RFC 7530) alone: a client id kept by RENEW, and a
// window of requests. There is no replay cache to rely on: a request that was lost with its
// connection is repeated if it is idempotent, else its outcome is unknown.
#pragma once

#include <memory>
#include <optional>

#include "nfs4/client.hpp"
#include "nfs4/state_owners.hpp"

namespace nfsferry::nfs4 {

class Client40 : public Client {
 public:
  static constexpr std::uint32_t kOperationsMost = 50;  // what Linux takes
  static constexpr std::uint32_t kInFlightMost = 32;

  Client40(Loop& loop, ClientOptions options);

  Task<Result<CompoundReply>> call(Compound& request) override;
  Task<Result<CompoundReply>> call_in_recovery(Compound& request) override;
  // There is no current stateid; the anonymous one stands in, right behind the OPEN.
  Stateid opened_stateid() const override { return Stateid::anonymous(); }
  // GETFH: a CLOSE wants the stateid of the OPEN's reply, so it goes into a later request.
  void add_close(Compound& request) const override;
  Status take_close(CompoundReply& reply) const override;
  void note_sizes(std::uint64_t max_read, std::uint64_t max_write) override;
  std::string_view version() const override { return "4.0"; }

 private:
  enum class Next : std::uint8_t { kDone, kAgain };
  struct Attempt {
    StateOwners::Turn turn;
    bool has_turn = false;
    std::shared_ptr<Connection> connection;  // that it went out on
    Losses losses;
    unsigned delays = 0;
    unsigned too_much = 0;
    std::optional<Clock::time_point> delayed_since;
    std::optional<Result<CompoundReply>> result;
  };

  Task<void> take_turn(const Compound& request, Attempt& attempt);
  Task<Next> exchange(Compound& request, Attempt& attempt);
  Task<Next> after_loss(const Compound& request, Attempt& attempt);
  Task<Next> after_delay(Attempt& attempt);
  Task<Next> after_reply(const Compound& request, Attempt& attempt, CompoundReply reply);
  Next finish(Attempt& attempt, Result<CompoundReply> result);
  // Nothing when the connection was lost under it, or had to end because of the reply.
  Task<std::optional<Result<CompoundReply>>> send(Compound& request, StateOwners::Turn& turn,
                                                  std::shared_ptr<Connection> connection);
  // Keeps the stateids that a reply brings.
  void adopt(const Compound& request, CompoundReply reply, StateOwners::Turn& turn);
  // OPEN_CONFIRM for an owner that is new to the server. Where that cannot be done the owner is
  // given up, and with it what it has opened.
  Task<void> confirm(StateOwners::Turn& turn);
  Task<Status> confirm_once(StateOwners::Turn& turn);
  std::size_t closes_in_a_request() const;
  // Closes what this owner's requests have opened, once there are so many.
  void close_from(std::size_t least, std::shared_ptr<StateOwners::OpenOwner> owner);
  Task<void> close_files(std::size_t least, std::shared_ptr<StateOwners::OpenOwner> owner);

  Task<Status> recover_once() override;
  Task<void> depart() override;
  Compound renewal() const override;
  void after_renewal() override;
  Task<Status> make_client();

  StateOwners owners_;
  Semaphore places_{Window::kStart};  // in flight
  std::uint64_t clientid_ = 0;
  bool need_client_ = true;
};

}  // namespace nfsferry::nfs4
