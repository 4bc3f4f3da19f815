#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "fake_server.hpp"
#include "nfs4/batch.hpp"
#include "nfs4/session.hpp"

namespace nfsferry::test {

using nfs4::ClientOptions;
using nfs4::Compound;
using nfs4::Repeat;
using nfs4::Session;

constexpr std::uint64_t kTestTimeoutMs = 20'000;

// PUTROOTFH and a REMOVE for each name; the first error of them.
inline Task<Status> remove_names(Session& session, std::vector<std::string> names, Repeat repeat) {
  Compound request("REMOVE", repeat);
  request.add(nfs4::Putrootfh{});
  for (const std::string& name : names) request.add(nfs4::Remove{{}, name});
  auto reply = co_await session.call(request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(nfs4::NoReply root, reply->take<nfs4::Putrootfh>(), co_return);
  for (std::size_t i = 0; i < names.size(); ++i) {
    NFSFERRY_TRY(nfs4::NoReply removed, reply->take<nfs4::Remove>(), co_return);
  }
  co_return ok();
}

// The same with the names in one text, blanks between them: a braced list in a co_await expression
// is more than g++ 12 can take.
inline Task<Status> remove(Session& session, std::string names, Repeat repeat) {
  std::vector<std::string> list;
  std::istringstream words(names);
  for (std::string word; words >> word;) list.push_back(word);
  co_return co_await remove_names(session, std::move(list), repeat);
}

inline Task<void> store_status(Task<Status> task, Status& result) { result = co_await task; }

// A loop, and a session of its own for each run().
class SessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log_start(LogOptions{LogLevel::kOff, false, {}});
    auto loop = Loop::create(EngineChoice::kAuto);
    ASSERT_TRUE(loop);
    loop_ = *std::move(loop);
  }

  ClientOptions options(const FakeServer& server, std::uint64_t timeout_ms = kTestTimeoutMs) {
    ClientOptions options;
    options.host = "127.0.0.1";
    options.port = server.port();
    options.timeout_ms = timeout_ms;
    return options;
  }

  // Opens a session, lets `body(session)` work, closes it.
  template <typename Body>
  void run(const FakeServer& server, Body body, std::uint64_t timeout_ms = kTestTimeoutMs) {
    loop_->run(open_and_close(options(server, timeout_ms), body));
  }
  template <typename Body>
  Task<void> open_and_close(ClientOptions session_options, Body& body) {
    Session session(*loop_, std::move(session_options));
    Status opened = co_await session.open();
    EXPECT_TRUE(opened) << opened.error().message();
    if (opened) {
      co_await body(session);
      co_await session.close();
    }
  }
  // One request in a session of its own.
  Status remove_in(const FakeServer& server, std::vector<std::string> names,
                   Repeat repeat = Repeat::kIdempotent, std::uint64_t timeout_ms = kTestTimeoutMs) {
    Status status = ok();
    auto body = [&](Session& session) -> Task<void> {
      status = co_await remove_names(session, names, repeat);
    };
    run(server, body, timeout_ms);
    return status;
  }
  Status open_only(const FakeServer& server, std::uint64_t timeout_ms = kTestTimeoutMs) {
    auto body = [](Loop& loop, ClientOptions session_options) -> Task<Status> {
      Session session(loop, std::move(session_options));
      Status opened = co_await session.open();
      if (opened) co_await session.close();
      co_return opened;
    };
    return loop_->run(body(*loop_, options(server, timeout_ms)));
  }

  std::unique_ptr<Loop> loop_;
};

inline bool is_status(const Status& status, Nfsstat4 code) {
  return !status && status.error().domain == Domain::kNfs4 &&
         status.error().code == static_cast<std::uint32_t>(code);
}
inline bool is_own(const Status& status, Own own) { return !status && status.error().is(own); }
inline std::string why(const Status& status) { return status ? "done" : status.error().message(); }
constexpr std::uint32_t code_of(Nfsstat4 status) { return static_cast<std::uint32_t>(status); }

// The connection ends in place of an answer.
inline FakeAnswer lost(bool executed) {
  FakeAnswer answer;
  answer.close = true;
  answer.execute = executed;
  return answer;
}

// An operation of the request fails.
inline FakeAnswer fails_at(std::size_t at, Nfsstat4 status) {
  FakeAnswer answer;
  answer.at = at;
  answer.status = code_of(status);
  return answer;
}

// Answers the first so many plain requests in their own way, all others well.
inline FakeServer::Script first_ones(unsigned count, FakeAnswer special) {
  return [count, special, seen = 0u](const FakeCall& call) mutable {
    return call.is_plain() && ++seen <= count ? special : FakeAnswer{};
  };
}
// The same of the n-th plain request alone (from 1).
inline FakeServer::Script nth(unsigned n, FakeAnswer special) {
  return [n, special, seen = 0u](const FakeCall& call) mutable {
    if (!call.is_plain()) return FakeAnswer{};
    return ++seen == n ? special : FakeAnswer{};
  };
}
// Answers the first request of this operation in its own way.
inline FakeServer::Script first_of(std::uint32_t operation, FakeAnswer special) {
  return [operation, special, seen = false](const FakeCall& call) mutable {
    if (!call.is(operation) || std::exchange(seen, true)) return FakeAnswer{};
    return special;
  };
}

}  // namespace nfsferry::test
