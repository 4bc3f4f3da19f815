// Everything that reads bytes from outside, as functions that take any bytes: a fuzzer tries what
// it likes, the test suite what is kept in corpus/. A finding is an abort, a sanitizer's report or
// an input that takes too long.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace nfsferry::fuzz {

using Bytes = std::span<const std::byte>;

// What a server sends on a connection on which kCallsSent requests wait (xids from 1): record
// marks, xids, RPC's reply header.
void records(Bytes input);
inline constexpr unsigned kCallsSent = 3;

// A count, so many operations (indices of kDecoders), and the results of a COMPOUND of these after
// SEQUENCE, from COMPOUND's header on. With kNoSequence in the count there is no SEQUENCE, as in
// NFSv4.0 and in what makes a session.
void replies(Bytes input);
inline constexpr unsigned kNoSequence = 0x80;

// A fattr4, as GETATTR brings it.
void attributes(Bytes input);

// Two pages of a directory: READDIR's result, twice.
void listing(Bytes input);

// A letter, which says what the rest is:
// l location, f file system map, s size, d duration, u number, o owner, h lock's holder, e any text
// that is escaped, t time, p report of the pass before this one.
void texts(Bytes input);
// w workflow's input, s stream record, r rows, b batch of recoveries, c batch of copies, o options,
// i item of a table, k keys of a container, e error of a service.
void recover_inputs(Bytes input);

// g a glob, a newline and a path; f lines of filters; m lines of an owner map; l lines of limits;
// v the value of a flag.
void rules(Bytes input);

// A reply to the one request of NFSv3 that we send ourselves, from its xid on.
void nfs3_replies(Bytes input);

struct Target {
  std::string_view name;  // the corpus's folder
  void (*run)(Bytes input);
};
inline constexpr std::array<Target, 8> kTargets{{{"records", records},
                                                 {"replies", replies},
                                                 {"attributes", attributes},
                                                 {"listing", listing},
                                                 {"texts", texts},
                                                 {"recover_inputs", recover_inputs},
                                                 {"rules", rules},
                                                 {"nfs3_replies", nfs3_replies}}};

}  // namespace nfsferry::fuzz
