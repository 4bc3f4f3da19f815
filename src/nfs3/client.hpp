// A client of one NFSv3 server: its connections, and every recovery from a lost one in one place.
// NFSv3 keeps no state at the server, so a new connection is all that it takes. A caller sees a
// reply, an error of its own request, or kOutcomeUnknown for a request that must not be repeated
// blindly; lost connections and JUKEBOX are dealt with here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/window.hpp"
#include "loop/loop.hpp"
#include "loop/pace.hpp"
#include "nfs3/connection.hpp"
#include "tree/tree.hpp"

namespace nfsferry::nfs3 {

struct ClientOptions {
  std::string host;
  std::uint16_t port = 2049;
  Credentials credentials;
  std::uint64_t timeout_ms = 300'000;  // how long the server may stay away
  Pace* pace = nullptr;                // of requests; null: as fast as they come
  std::uint32_t connections = 1;
};

enum class Repeat : std::uint8_t { kIdempotent, kOnce };

class Client {
 public:
  static constexpr std::uint32_t kInFlight = 64;      // requests at most, over all connections
  static constexpr std::uint32_t kInFlightLeast = 4;  // however busy the server is
  static constexpr unsigned kLossesMost = 8;          // connections that may end under one request

  Client(Loop& loop, ClientOptions options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  // Resolves; needed before the others.
  Task<Status> resolve();
  // Connects, once (no patience: a refused connection is an error at once), to a port that may
  // have been asked for meanwhile. Errors: errno, kTimeout.
  Task<Status> open(std::uint16_t port);
  // No error stops it; bounded.
  Task<void> close();

  // Sends a request and waits for its reply. Idempotent ones are sent again when their connection
  // was lost. Errors: kOutcomeUnknown (Repeat::kOnce only), kRequestRefused (lost with its
  // connection again and again), kUnreachable (the client is dead), RPC errors, the reply's.
  Task<Status> perform(Call& call, Repeat repeat);
  // One request to another port of the same host, over a connection of its own. Errors: of the
  // connection, too.
  Task<Status> perform_at(std::uint16_t port, Call& call);

  // Counts connections that were lost: the server may have restarted in between.
  std::uint64_t losses() const { return losses_; }
  std::string describe() const;  // what it waits for; lines for people
  const TreeCounters& counters() const { return counters_; }
  std::uint64_t answers() const { return answers_; }
  std::uint32_t connections() const { return options_.connections; }
  Loop& loop() { return loop_; }
  void count_retry() { ++counters_.retries; }
  const std::vector<Address>& addresses() const { return addresses_; }  // with the port of NFS
  const Credentials& credentials() const { return options_.credentials; }
  std::uint64_t connect_patience_ms() const;
  std::uint64_t timeout_ms() const { return options_.timeout_ms; }
  // Why nothing can be asked any more. Empty: it is neither dead nor closed.
  std::optional<Error> ended() const;
  // For calls that go alone: until it is taken away, a token is cancelled as the client ends.
  void add(CancelToken& token);
  void take_away(CancelToken& token) { std::erase(alone_, &token); }

 private:
  enum class State : std::uint8_t { kClosed, kOpen, kDead };

  Task<Status> attempt(Call& call, bool& sent, bool was_busy);
  Task<void> back_off(unsigned times);
  Task<Result<std::shared_ptr<Connection>>> standing();
  Task<Status> ask_whether_it_answers(std::size_t place);
  bool stands(std::size_t place) const;
  std::size_t standing_count() const;
  Task<Status> connect(std::size_t place);
  void mend();
  Task<void> mend(std::size_t place);
  void check_silence(Silence::Time passed);
  void learn_load(const Status& answer, bool was_busy);
  void die(Error why);
  void end_alone();
  void count_latency(std::string_view kind, Clock::duration took);
  std::string where() const;

  Loop& loop_;
  ClientOptions options_;
  std::vector<Address> addresses_;
  State state_ = State::kClosed;
  std::optional<Error> death_;
  std::vector<std::shared_ptr<Connection>> connections_;  // one a place; may have ended
  std::vector<bool> mending_;                             // by place
  Connection* beside_ = nullptr;                          // of perform_at()
  std::vector<CancelToken*> alone_;
  Window load_{kInFlight};
  Semaphore window_{load_.limit()};
  TaskGroup tasks_;
  CancelToken closing_;
  Event changed_;  // pulsed when a connection stands, or state_ changes
  std::uint64_t losses_ = 0;
  bool outage_ = false;  // no connection stands, and that was said
  SilenceJudge silence_;
  TreeCounters counters_;
  std::uint64_t answers_ = 0;
};

// What is tried again after a back-off: JUKEBOX, a system error of the RPC layer.
bool is_busy(const Error& error);

}  // namespace nfsferry::nfs3
