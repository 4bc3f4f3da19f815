// What every store of the ledger must do, once for all of them: a store instantiates LedgerContract
// where it is at home.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "program.hpp"
#include "recover/ledger.hpp"

namespace nfsferry::recover {

struct Store {
  const char* name;
  // A location, in the folder where that matters, for which no ledger was made yet.
  std::function<std::string(const test::Folder&)> location;
  // Why it cannot be used here, empty if it can.
  std::function<std::string()> missing = [] { return std::string(); };
};

class LedgerContract : public testing::TestWithParam<Store> {
 protected:
  void SetUp() override {
    if (auto missing = GetParam().missing(); !missing.empty()) GTEST_SKIP() << missing;
    location_ = GetParam().location(folder_);
    ledger_ = open();
    ASSERT_TRUE(ledger_);
  }

  std::unique_ptr<Ledger> open() {
    auto opened = open_ledger(location_, OpenMode::kCreate);
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? *std::move(opened) : nullptr;
  }

  static LedgerRow home(const std::string& profile, const std::string& uid) {
    LedgerRow row;
    row.profile_name = row.user_profile_name = profile;
    row.domain_name = "domain-a";
    row.domain_id = "d-a";
    row.efs_sys_id = "fs-0123";
    row.efs_uid = uid;
    row.role_name = "role";
    return row;
  }

  // The row of the profile in domain-a.
  LedgerRow row_of(const std::string& profile) {
    auto row = ledger_->get({profile, "domain-a"});
    EXPECT_TRUE(row && *row) << profile;
    return row && *row ? **row : LedgerRow{};
  }

  test::Folder folder_;
  std::string location_;
  std::unique_ptr<Ledger> ledger_;
};

inline std::string store_name(const testing::TestParamInfo<Store>& one) { return one.param.name; }

}  // namespace nfsferry::recover
