// A client's session with one NFSv4.1 server (RFC 8881 section 2.10): slots as the concurrency
// window, with a replay cache that makes a repeated request harmless.
#pragma once

#include <memory>
#include <vector>

#include "nfs4/client.hpp"

namespace nfsferry::nfs4 {

class Session : public Client {
 public:
  static constexpr std::uint32_t kOperationsMost = 100;
  static constexpr std::uint32_t kMessageBytesLeast = 8192;  // of a request, of a reply
  static constexpr std::uint32_t kSlotsAsked = 64;

  Session(Loop& loop, ClientOptions options);

  // Also: nfsstat4 of SEQUENCE that mean less must be sent.
  Task<Result<CompoundReply>> call(Compound& request) override;
  Task<Result<CompoundReply>> call_in_recovery(Compound& request) override;
  Stateid opened_stateid() const override { return Stateid::current(); }
  void add_close(Compound& request) const override { request.add(Close{{}, Stateid::current()}); }
  Status take_close(CompoundReply& reply) const override;
  std::string_view version() const override { return "4.1"; }
  ServerName server_name() const override { return {server_.server_owner, server_.server_scope}; }
  std::string describe() const override;

 private:
  struct Slot {
    std::uint32_t sequence_id = 1;
    bool busy = false;
    std::uint32_t xid = 0;  // of the request that is in it
  };
  enum class Lost : std::uint8_t { kSession, kClient };
  // What is to be done after one exchange on a slot.
  enum class Next : std::uint8_t { kDone, kAgain, kSameSlot };
  struct Attempt {
    std::uint32_t slot = 0;
    std::uint64_t generation = 0;
    std::shared_ptr<Connection> connection;  // that it went out on
    unsigned sent = 0;                       // times it went out in this session
    Losses losses;
    bool settling = false;  // what is sent asks what became of the request
    unsigned delays = 0;
    unsigned too_much = 0;
    unsigned rebuilds = 0;  // sessions that were lost under it
    std::optional<Clock::time_point> delayed_since;
    std::optional<Result<CompoundReply>> result;
  };

  std::uint32_t take_slot();
  Task<Next> exchange(Compound& request, Attempt& attempt);
  Task<Next> after_loss(const Compound& request, Attempt& attempt);
  Task<Next> after_delay(const Compound& request, Attempt& attempt);
  // In the same slot, or over again when its session is gone meanwhile.
  Next go_on(const Compound& request, Attempt& attempt);
  Task<Next> after_sequence_error(const Compound& request, Attempt& attempt, Error error);
  Task<Next> after_reply(const Compound& request, Attempt& attempt, CompoundReply reply);
  Next finish(Attempt& attempt, Result<CompoundReply> result);
  // The request was executed and its reply is gone.
  Next executed_unseen(const Compound& request, Attempt& attempt);
  // What a settling attempt's reply tells, where it is not the reply to the request itself.
  static bool was_not_executed(const CompoundReply& settling);
  Task<Next> after_refusal(const Compound& request, Attempt& attempt);
  // The slot's state at the server is unknown: it is not used again in this session.
  Next retire(Attempt& attempt, Error error);
  // The server does not take the request.
  Next give_up(const Compound& request, Attempt& attempt, Error error);
  void adjust_window();
  void advance_slot(const Attempt& attempt);
  Task<Result<Chunk>> send(const Compound& request, Attempt& attempt);

  void note_revoked(std::uint32_t status_flags, std::uint64_t generation);
  void start_recovery(Lost lost, std::uint64_t generation);
  Task<Status> recover_once() override;
  Task<void> depart() override;
  Task<Status> destroy_client();  // and the session before it
  void draw_boot_verifier();
  Task<Status> start_anew();  // a client and its session
  Compound renewal() const override;
  Task<Status> bind_connection(Connection& connection) override;
  Task<Status> reach_server();
  Task<Status> rebuild();  // a session, and the client where it is needed
  Task<Status> make_client();
  Task<Status> make_session();
  static Status accept(const ChannelAttributes& granted);
  Task<Status> reclaim_complete();

  Verifier boot_verifier_{};
  std::uint64_t clientid_ = 0;
  std::uint32_t create_sequence_ = 0;
  ExchangeId::Reply server_;
  SessionId session_id_{};
  std::uint64_t session_generation_ = 0;
  bool need_session_ = false;
  bool need_client_ = true;
  bool told_revoked_ = false;
  bool in_doubt_ = false;  // the server may keep state that we do not know

  std::vector<Slot> slots_;
  std::uint32_t retired_slots_ = 0;
  std::uint64_t slots_wanted_ = 0;  // by the server, as of its last reply
  std::unique_ptr<Semaphore> slot_window_;
};

}  // namespace nfsferry::nfs4
