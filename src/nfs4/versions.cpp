#include "nfs4/versions.hpp"

#include "loop/deadline.hpp"
#include "nfs4/compound.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr std::uint32_t kProcedureNull = 0;
constexpr std::uint32_t kProcedureCompound = 1;
constexpr std::size_t kRecordMost = 65536;

Task<Result<Chunk>> call(Connection& connection, std::uint32_t version, std::uint32_t procedure,
                         std::optional<std::uint32_t> minor, const Credentials& credentials) {
  XdrWriter out;
  std::uint32_t xid = version << 8 | minor.value_or(0xff);
  encode_call(out, xid, kProgram, version, procedure, credentials);
  if (minor) {
    out.text("");
    out.u32(*minor);
    out.u32(0);  // no operations
  }
  patch_record_mark(out, out.size() - 4);
  std::vector<iovec> pieces;
  out.append_pieces(pieces);
  co_return co_await connection.call(xid, std::move(pieces));
}

VersionAnswer judge(std::string version, Result<Chunk> record, bool compound) {
  VersionAnswer answer{std::move(version), false, {}};
  if (!record) {
    answer.answer = "no answer: " + record.error().message();
    return answer;
  }
  XdrReader reader(record->bytes);
  Status header = decode_reply_header(reader);
  if (!header) {
    answer.answer = header.error().name();
    return answer;
  }
  std::uint32_t status = compound ? reader.u32() : 0;
  if (reader.failed()) {
    answer.answer = "an answer cut short";
    return answer;
  }
  answer.offered = status == 0;
  std::string_view name = code_name(Domain::kNfs4, status);
  answer.answer = compound ? std::string(name) : "OK";
  return answer;
}

}  // namespace

Task<Result<std::vector<VersionAnswer>>> ask_versions(Loop& loop, std::string host,
                                                      std::uint16_t port, Credentials credentials,
                                                      std::uint64_t timeout_ms) {
  auto addresses = co_await resolve(loop, std::move(host), port);
  if (!addresses) co_return std::move(addresses).error();
  std::vector<VersionAnswer> answers;
  for (std::uint32_t minor : {2u, 1u, 0u, 3u}) {
    bool v3 = minor == 3;
    Connection connection(loop, kRecordMost);  // a server may close on what it does not know
    NFSFERRY_TRY(Ok connected, co_await connection.connect(*addresses, timeout_ms), co_return);
    Error late = own_error(Own::kTimeout, "probe", "no answer in time");
    Deadline deadline(loop, std::chrono::milliseconds(timeout_ms), [&] { connection.abort(late); });
    auto minor_asked = v3 ? std::nullopt : std::optional(minor);
    auto record = co_await call(connection, v3 ? 3 : kVersion,
                                v3 ? kProcedureNull : kProcedureCompound, minor_asked, credentials);
    co_await deadline.end();
    // Who has not answered to one version by then is not asked for the others.
    bool silent = !record && deadline.passed();
    std::string name = v3 ? "3" : "4." + std::to_string(minor);
    answers.push_back(judge(std::move(name), std::move(record), !v3));
    connection.abort(own_error(Own::kCancelled, "probe"));
    co_await connection.join();
    if (silent) co_return late;
  }
  co_return answers;
}

}  // namespace nfsferry::nfs4
