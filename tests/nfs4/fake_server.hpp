// A small NFSv4.1 server in a thread of its own, on a plain socket: it keeps clients, sessions and
// slots as RFC 8881 section 2.10 says, with a replay cache, and carries out the few operations that
// session tests need (all succeed). A script looks at each request first and may answer otherwise.
// What it was sent is kept for the test to look at.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "compound_walk.hpp"

namespace nfsferry::test {

struct FakeOperation {
  std::uint32_t number = 0;
  std::string text;            // the name of LOOKUP, OPEN, REMOVE; PUTFH's handle
  std::uint64_t mask = 0;      // GETATTR's
  std::uint32_t seqid = 0;     // of OPEN, OPEN_CONFIRM, CLOSE
  std::string owner;           // of OPEN
  std::uint64_t clientid = 0;  // of OPEN, RENEW, SETCLIENTID_CONFIRM
  std::string verifier;        // of EXCHANGE_ID
  std::string stateid;         // of WRITE, READ, SETATTR, CLOSE, OPEN_CONFIRM
  std::uint64_t cookie = 0;    // of READDIR
  std::uint32_t maxcount = 0;  // of READDIR
};

// One request, as far as it could be read.
struct FakeCall {
  unsigned connection = 0;  // counts accepted connections from 1
  std::uint32_t xid = 0;
  std::string record;  // all its bytes, the xid first
  std::uint32_t version = 0;
  std::uint32_t minor_version = 0;
  bool has_sequence = false;
  std::string session;
  std::uint32_t sequence_id = 0;
  std::uint32_t slot = 0;
  std::uint32_t highest_slot = 0;
  bool cache_this = false;
  std::uint32_t create_sequence_id = 0;   // CREATE_SESSION's
  std::uint64_t clientid = 0;             // CREATE_SESSION's, DESTROY_CLIENTID's
  std::vector<FakeOperation> operations;  // SEQUENCE left out

  bool is(std::uint32_t number) const {
    return !operations.empty() && operations[0].number == number;
  }
  // A request of a test: in a session, neither RECLAIM_COMPLETE nor a question about another one.
  bool is_plain() const {
    if (minor_version > 0) return has_sequence && !is(kOpReclaimComplete) && !is(kOpPutpubfh);
    return !is(kOpSetclientid) && !is(kOpSetclientidConfirm) && !is(kOpRenew);
  }
};

// What READDIR tells: names without attributes.
struct FakePage {
  std::vector<std::pair<std::string, std::uint64_t>> entries{};  // name, cookie
  bool eof = true;
};

// What the script wants done with a request; default: what a good server does.
struct FakeAnswer {
  bool close = false;                            // ends the connection, nothing is answered
  bool execute = false;                          // with close or silent: carried out all the same
  bool silent = false;                           // never answered
  bool hold = false;                             // answered after the next one that is not held
  std::optional<std::string> raw;                // these bytes as they are, record mark included
  std::optional<std::uint32_t> accept_stat;      // of RPC
  std::optional<std::uint32_t> sequence_status;  // SEQUENCE (or the bare operation) fails
  std::optional<std::uint32_t> status;           // of the operation `at`, which stops the request
  std::size_t at = 0;                            // index without SEQUENCE
  std::optional<std::size_t> cut_after;          // so many results without SEQUENCE, and OK
  FakePage page{};                               // of READDIR
  std::optional<std::uint32_t> target_highest_slot;
  std::uint32_t status_flags = 0;  // of SEQUENCE
  bool mislead_slot = false;       // the reply names another slot
  bool forget_sessions = false;    // before the request is looked at: BADSESSION
  bool forget_clients = false;     // and STALE_CLIENTID: a restart
  bool deaf = false;               // what comes by this connection later is lost, as on a dead path
  unsigned stillborn = 0;  // so many of the next connections end as soon as they are accepted
};

struct FakeLimits {
  std::uint32_t request_bytes = 1 << 20;
  std::uint32_t response_bytes = 1 << 20;
  std::uint32_t cached_bytes = 8192;
  std::uint32_t operations = 100;
  std::uint32_t slots = 16;
};

class FakeServer {
 public:
  // Called in the server's thread, for every request in turn.
  using Script = std::function<FakeAnswer(const FakeCall&)>;

  explicit FakeServer(Script script = {}, FakeLimits limits = {});
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::uint16_t port() const { return port_; }
  // What came so far, in order.
  std::vector<FakeCall> calls() const;
  std::vector<FakeCall> plain_calls() const;
  std::size_t count(std::uint32_t first_operation) const;
  // Texts of the operations that were carried out (names of REMOVE), in order.
  std::vector<std::string> removed() const;
  std::vector<std::string> verifiers() const;  // of each EXCHANGE_ID
  unsigned connections() const;
  bool is_deaf() const { return deaf_; }  // on some connection
  // Closes every connection; with `refuse`, new ones are refused until called with false.
  void drop_connections(bool refuse = false);
  void accept_again();

 private:
  struct Slot {
    std::uint32_t sequence_id = 0;
    std::string cached;  // the reply after the xid; empty: not kept
  };
  struct Peer {
    UniqueFd fd;
    unsigned number = 0;
    std::string received;
  };

  void serve();
  void listen_again();
  bool read_from(Peer& peer);  // false: it is gone
  bool handle(Peer& peer, const std::string& record);
  std::string answer_40(const FakeCall& call, const FakeAnswer& answer);
  std::string open_40(const FakeOperation& open);
  std::string answer_bare(const FakeCall& call, const FakeAnswer& answer);
  std::string answer_in_session(const FakeCall& call, const FakeAnswer& answer);
  std::string carry_out(const FakeCall& call, const FakeAnswer& answer);

  Script script_;
  FakeLimits limits_;
  std::uint16_t port_ = 0;
  UniqueFd listener_;
  UniqueFd wake_;
  std::map<int, Peer> peers_;
  std::vector<std::pair<int, std::string>> held_;  // peer, bytes
  unsigned stillborn_ = 0;
  std::atomic<bool> deaf_ = false;

  mutable std::mutex mutex_;  // what the test's thread asks about
  std::vector<FakeCall> calls_;
  std::vector<std::string> removed_;
  std::string locked_text_;  // written in a request with a LOCK, and read in one
  unsigned connections_ = 0;
  enum class Order : std::uint8_t { kNone, kDrop, kDropAndRefuse, kAccept, kEnd };
  Order order_ = Order::kNone;

  std::uint64_t clientid_ = 100;       // the one that is known
  std::set<std::string> open_owners_;  // of minor version 0
  std::uint32_t opens_ = 0;
  std::string boot_verifier_;  // of the client
  bool client_known_ = false;
  bool reclaimed_ = false;
  std::uint32_t next_create_ = 1;  // the sequence id that CREATE_SESSION must have
  std::map<std::string, std::map<std::uint32_t, Slot>> sessions_;
  unsigned sessions_made_ = 0;
  std::thread thread_;
};

}  // namespace nfsferry::test
