#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "nfs3/listing.hpp"
#include "nfs3/long_symlink.hpp"

namespace nfsferry::nfs3 {
namespace {

std::vector<std::byte> words(std::initializer_list<std::uint32_t> values) {
  std::vector<std::byte> out;
  for (std::uint32_t value : values) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      out.push_back(static_cast<std::byte>(value >> shift));
    }
  }
  return out;
}

TEST(StatusOfReply, is_the_first_word_of_the_results) {
  auto status = status_of_reply(words({7, 1, 0, 0, 0, 0, 17}), 7);
  ASSERT_TRUE(status);
  EXPECT_EQ(*status, 17u);
}

TEST(StatusOfReply, stands_behind_a_verifier_of_any_length) {
  auto status = status_of_reply(words({7, 1, 0, 1, 6, 0xabcdef01, 0x23450000, 0, 5}), 7);
  ASSERT_TRUE(status);
  EXPECT_EQ(*status, 5u);
}

TEST(StatusOfReply, of_another_call_is_refused) {
  EXPECT_FALSE(status_of_reply(words({8, 1, 0, 0, 0, 0, 0}), 7));
  EXPECT_FALSE(status_of_reply(words({7, 0, 0, 0, 0, 0, 0}), 7));
}

TEST(StatusOfReply, that_was_denied_or_not_accepted_is_an_error_of_rpc) {
  auto denied = status_of_reply(words({7, 1, 1, 1, 1}), 7);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().domain, Domain::kRpc);
  auto garbage = status_of_reply(words({7, 1, 0, 0, 0, 4, 0}), 7);
  ASSERT_FALSE(garbage);
  EXPECT_EQ(garbage.error().domain, Domain::kRpc);
  EXPECT_FALSE(status_of_reply(words({7, 1, 0, 0, 0, 99, 0}), 7));
}

TEST(StatusOfReply, that_is_cut_anywhere_is_refused) {
  auto whole = words({7, 1, 0, 1, 6, 0xabcdef01, 0x23450000, 0, 0});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(status_of_reply(std::span(whole).first(size), 7)) << size;
  }
}

TEST(StatusOfReply, with_a_verifier_longer_than_the_record_is_refused) {
  EXPECT_FALSE(status_of_reply(words({7, 1, 0, 0, 0xffffffff, 0, 0, 0, 0}), 7));
  EXPECT_FALSE(status_of_reply(words({7, 1, 0, 0, 300, 0, 0, 0, 0}), 7));
}

DirectoryPage page_of(std::initializer_list<std::uint64_t> cookies, bool eof = false) {
  DirectoryPage page;
  page.eof = eof;
  for (std::uint64_t cookie : cookies) {
    page.entries.emplace_back();
    page.entries.back().cookie = cookie;
  }
  return page;
}

TEST(LastCookie, may_be_smaller_than_those_before_it) {
  auto last = last_cookie(page_of({9, 3, 5}), 0);
  ASSERT_TRUE(last);
  EXPECT_EQ(*last, 5u);
}

TEST(LastCookie, of_an_empty_page_is_the_one_asked_for) {
  auto last = last_cookie(page_of({}), 4);
  ASSERT_TRUE(last);
  EXPECT_EQ(*last, 4u);
}

TEST(LastCookie, that_stands_still_before_the_end_is_a_loop) {
  auto last = last_cookie(page_of({1, 2, 2}), 0);
  ASSERT_FALSE(last);
  EXPECT_TRUE(last.error().is(Own::kListingLoops));
  EXPECT_TRUE(last_cookie(page_of({1, 2, 2}, true), 0));
}

}  // namespace
}  // namespace nfsferry::nfs3
