#include "base/escape.hpp"

#include <gtest/gtest.h>

#include <string>

namespace nfsferry {
namespace {

using namespace std::string_view_literals;

TEST(EscapeForTerminal, LeavesPrintableTextAlone) {
  for (std::string_view text : {""sv, "plain name.txt"sv, "quote\"s 'n' blanks"sv, "grün"sv,
                                "日本語"sv, "\U0001f600"sv, "\xc2\xa0"sv}) {
    EXPECT_EQ(escape_for_terminal(text), text);
  }
}

TEST(EscapeForTerminal, NeverLetsAControlByteThrough) {
  EXPECT_EQ(escape_for_terminal("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(escape_for_terminal("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(escape_for_terminal("\x7f"), "\\x7f");
  EXPECT_EQ(escape_for_terminal("\0"sv), "\\x00");
  for (int byte = 0; byte < 32; ++byte) {
    std::string out = escape_for_terminal(std::string(1, static_cast<char>(byte)));
    EXPECT_EQ(out[0], '\\') << byte;
  }
}

TEST(EscapeForTerminal, EscapesC1ControlsInUtf8AndAlone) {
  EXPECT_EQ(escape_for_terminal("\xc2\x9b"), "\\xc2\\x9b");  // CSI
  EXPECT_EQ(escape_for_terminal("\xc2\x80"), "\\xc2\\x80");
  EXPECT_EQ(escape_for_terminal("\xc2\x9f"), "\\xc2\\x9f");
  EXPECT_EQ(escape_for_terminal("\x9b"), "\\x9b");
}

TEST(EscapeForTerminal, EscapesTheBackslashSoThatTheTextIsUnambiguous) {
  EXPECT_EQ(escape_for_terminal("a\\nb"), "a\\\\nb");
}

TEST(QuoteForTerminal, EscapesBetweenSingleQuotes) {
  EXPECT_EQ(quote_for_terminal("a\nb"), "'a\\nb'");
  EXPECT_EQ(quote_for_terminal(""), "''");
}

TEST(EscapeForTerminal, EscapesWhatIsNotUtf8ByteByByte) {
  EXPECT_EQ(escape_for_terminal("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(escape_for_terminal("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(escape_for_terminal("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(escape_for_terminal("\xe6\x97"), "\\xe6\\x97");           // cut short
  EXPECT_EQ(escape_for_terminal("\xc3(ok"), "\\xc3(ok");
}

TEST(Utf8, IsJudgedAsInRfc3629) {
  for (std::string_view good :
       {""sv, "a"sv, "\x7f"sv, "\xc2\x80"sv, "\xdf\xbf"sv, "\xe0\xa0\x80"sv, "\xed\x9f\xbf"sv,
        "\xee\x80\x80"sv, "\xf0\x90\x80\x80"sv, "\xf4\x8f\xbf\xbf"sv}) {
    EXPECT_TRUE(is_valid_utf8(good)) << escape_for_terminal(good);
  }
  for (std::string_view bad : {"\x80"sv, "\xc1\xbf"sv, "\xe0\x9f\xbf"sv, "\xed\xa0\x80"sv,
                               "\xf0\x8f\xbf\xbf"sv, "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv,
                               "a\xc2"sv, "\xe2\x82"sv, "\xf0\x90\x80"sv, "\xc2\x41"sv}) {
    EXPECT_FALSE(is_valid_utf8(bad)) << escape_for_terminal(bad);
  }
}

TEST(LossyUtf8, ReplacesEachBadByteAndIsValidThen) {
  EXPECT_EQ(lossy_utf8("a\xff"
                       "b"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(lossy_utf8("grün"), "grün");
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  EXPECT_TRUE(is_valid_utf8(lossy_utf8(every_byte)));
}

TEST(Base64, IsThatOfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\x00\x80"sv), "//4AgA==");
}

}  // namespace
}  // namespace nfsferry
