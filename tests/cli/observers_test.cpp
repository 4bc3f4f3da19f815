#include "cli/observers.hpp"

#include <gtest/gtest.h>

#include <string>

namespace nfsferry::cli {
namespace {

// Notes what it is told.
class Notes : public Observer {
 public:
  explicit Notes(bool entries) : entries_(entries) {}

  void on_progress(const Progress& progress) override {
    text += "progress " + std::to_string(progress.files_done) + "\n";
  }
  void on_failure(const Failure& failure) override { text += "failure " + failure.path + "\n"; }
  bool wants_entries() const override { return entries_; }
  void on_entry(const EntryRecord& entry) override {
    text += "entry " + std::string(entry.path) + "\n";
  }

  std::string text;

 private:
  const bool entries_;
};

TEST(Observers, PassOnEverythingButEntriesThatNobodyWants) {
  Notes plain(false);
  Notes greedy(true);
  Observers both;
  both.add(plain);
  both.add(greedy);
  Progress progress;
  progress.files_done = 3;
  both.on_progress(progress);
  both.on_failure({"a", "OPEN", "EIO", "", 1});
  EntryRecord entry;
  entry.path = "b";
  both.on_entry(entry);
  EXPECT_EQ(plain.text, "progress 3\nfailure a\n");
  EXPECT_EQ(greedy.text, "progress 3\nfailure a\nentry b\n");
}

TEST(Observers, WantEntriesWhenOneOfThemDoes) {
  Notes plain(false);
  Notes greedy(true);
  Observers observers;
  EXPECT_FALSE(observers.wants_entries());
  observers.add(plain);
  EXPECT_FALSE(observers.wants_entries());
  observers.add(greedy);
  EXPECT_TRUE(observers.wants_entries());
}

}  // namespace
}  // namespace nfsferry::cli
