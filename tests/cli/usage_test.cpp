// What the command line itself refuses, and what it prints without a run.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "nfsferry/version.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

struct BadUsage {
  const char* name;
  std::vector<std::string> arguments;
  const char* said;  // part of the line on stderr
};

class BadUsageTest : public testing::TestWithParam<BadUsage> {};

TEST_P(BadUsageTest, ExitsWith2AndOneLineOnStderr) {
  Folder folder;
  std::vector<std::string> arguments = GetParam().arguments;
  for (std::string& argument : arguments) {
    std::size_t at = argument.find("TMP");
    if (at != std::string::npos) argument.replace(at, 3, folder.path());
  }
  Outcome outcome = run_program(arguments);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(line_count(outcome.err), 1) << outcome.err;
  EXPECT_EQ(outcome.err.find("nfsferry: "), 0u) << outcome.err;
  EXPECT_NE(outcome.err.find(GetParam().said), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find('\x1b'), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "something was created";
}

std::vector<std::string> copy(const std::vector<std::string>& flags) {
  std::vector<std::string> arguments{"copy", "TMP/source", "TMP/target"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return arguments;
}

std::vector<BadUsage> bad_commands() {
  return {
      {"NoCommand", {}, "a command is missing; try 'nfsferry --help'"},
      {"UnknownCommand", {"sync", "a", "b"}, "unknown command 'sync'"},
      {"UnknownFlagOfAll", {"--frob"}, "unknown flag '--frob'"},
      {"NoOperands", {"copy"}, "SOURCE is missing; try 'nfsferry copy --help'"},
      {"NoTarget", {"copy", "TMP/source"}, "TARGET is missing"},
      {"ThirdOperand", copy({"other"}), "unexpected argument 'other'"},
      {"UnknownFlag", copy({"--frob"}), "unknown flag '--frob'"},
      {"UnknownFlagBeforeOperands", {"copy", "--frob"}, "unknown flag '--frob'"},
      {"EscapeInFlag", copy({"--x\x1b[2J"}), "unknown flag '--x\\x1b[2J'"},
      {"AbbreviatedFlag", copy({"--own", "keep"}), "unknown flag '--own'"},
      {"MaxDeleteAlone", copy({"--max-delete", "5"}), "--max-delete goes with --delete alone"},
      {"MaxDeleteNoNumber", copy({"--delete", "--max-delete", "few"}), "--max-delete"},
      {"BackupDirIsPath", copy({"--backup-dir", "a/b"}), "--backup-dir: 'a/b'"},
      {"BackupDirIsTemporary", copy({"--backup-dir", ".nfsferry-x"}),
       "--backup-dir: '.nfsferry-x'"},
      {"RestoreWithoutRun", {"restore", "TMP/a"}, "--run-id is missing"},
      {"BackupsAge", {"backups", "TMP/a", "--older-than", "old"}, "--older-than: 'old'"},
      {"DryRunAndCheck", copy({"--dry-run", "--check"}), "--dry-run goes neither with --check"},
      {"PlannedFlagShard", copy({"--shard", "1/2"}), "unknown flag '--shard'"},
      {"VerifyWithoutTarget", {"verify", "TMP/a"}, "try 'nfsferry verify --help'"},
      {"VerifyFlagOfCopy", {"verify", "TMP/a", "TMP/b", "--force"}, "unknown flag '--force'"},
      {"VerifyThreads", {"verify", "TMP/a", "TMP/b", "--threads", "0"}, "--threads: '0'"},
      {"VerifyTwoWritersToStdout",
       {"verify", "TMP/a", "TMP/b", "--json", "--report-json", "-"},
       "--json and --report-json both write to stdout"},
      {"JsonAndManifestToStdout",
       {"verify", "TMP/a", "TMP/b", "--json", "--manifest-sha256", "-"},
       "--json and --manifest-sha256 both write to stdout"},
      {"VerifyReportIsDirectory", {"verify", "TMP/a", "TMP/b", "--report-json", "TMP"}, "EISDIR"},
      {"VerifyLimitsFile",
       {"verify", "TMP/a", "TMP/b", "--limits-file", "TMP/limits"},
       "--limits-file: open "},
      {"BenchLimitsFile",
       {"bench", "TMP/a", "TMP/b", "--limits-file", "TMP/limits"},
       "--limits-file: open "},
      {"RecoverLimitsFile",
       {"recover", "--input", "TMP/i", "--limits-file", "TMP/limits"},
       "--limits-file: open "},
      {"BatchLimitsFile",
       {"copy", "--batch", "TMP/b", "--limits-file", "TMP/limits"},
       "--limits-file: open "},
      {"ProbeWithoutUrl", {"probe"}, "URL is missing; try 'nfsferry probe --help'"},
      {"ProbeUnknownFlag", {"probe", "nfs://127.0.0.1/", "--xml"}, "unknown flag '--xml'"},
      {"ProbeTimeout", {"probe", "nfs://127.0.0.1/", "--timeout", "x"}, "--timeout: 'x'"},
  };
}

INSTANTIATE_TEST_SUITE_P(Commands, BadUsageTest, testing::ValuesIn(bad_commands()),
                         [](const auto& row) { return row.param.name; });

std::vector<BadUsage> bad_values() {
  return {
      {"Owner", copy({"--owner", "bob"}), "--owner: 'bob' is not an owner"},
      {"OwnerWithoutGroup", copy({"--owner", "5:"}), "--owner: '5:'"},
      {"OwnerWithoutValue", copy({"--owner"}), "--owner: its value is missing"},
      {"Engine", copy({"--engine", "kqueue"}), "write auto, io_uring or epoll"},
      {"MapUid", copy({"--map-uid", "bob:5"}), "--map-uid: 'bob:5' is not a pair of ids"},
      {"MapGidWithoutValue", copy({"--map-gid"}), "--map-gid: its value is missing"},
      {"MapUidToTwo", copy({"--map-uid", "5:6", "--map-uid", "5:7"}),
       "--map-uid: '5' is mapped twice, to 6 and to 7"},
      {"MapGidToTwo", copy({"--map-gid=5:6", "--map-gid=5:7"}), "--map-gid: '5' is mapped twice"},
      {"OwnerMapNowhere", copy({"--owner-map", "TMP/map"}), "--owner-map: open "},
      {"OwnerErrors", copy({"--owner-errors", "skip"}), "write fail or warn"},
      {"Suid", copy({"--suid", "auto"}), "--suid: 'auto' is not one of its values"},
      {"Compare", copy({"--compare", "size"}), "write changed, all or checksum"},
      {"Overwrite", copy({"--overwrite", "newer"}), "write always, never or older"},
      {"ForceWithValue", copy({"--force=yes"}), "--force: takes no value"},
      {"Verify", copy({"--verify", "some"}), "write none, transferred or all"},
      {"Checksum", copy({"--checksum", "md5"}), "write xxh3-128 or none"},
      {"ChecksumNoneByItself", copy({"--checksum", "none"}), "add --verify none"},
      {"ChecksumNoneWithVerifyAll", copy({"--checksum", "none", "--verify", "all"}),
       "add --verify none"},
      {"ChecksumNoneWithManifest",
       copy({"--checksum", "none", "--verify", "none", "--manifest", "TMP/m"}),
       "--manifest needs checksums"},
      {"ChecksumNoneWithSha256",
       copy({"--checksum", "none", "--verify", "none", "--manifest-sha256", "TMP/m"}),
       "--manifest-sha256 needs checksums"},
      {"ChecksumNoneWithCompare",
       copy({"--checksum", "none", "--verify", "none", "--compare", "checksum"}),
       "--compare checksum needs them"},
      {"ExcludeNothing", copy({"--exclude="}), "--exclude"},
      {"IncludeBadGlob", copy({"--include", "a[b"}), "--include: the glob 'a[b' has a '['"},
      {"ExcludeNegated", copy({"--exclude", "!a"}), "--exclude: the glob '!a' begins with '!'"},
      {"FilterFromNowhere", copy({"--filter-from", "TMP/rules"}), "--filter-from: open "},
      {"FilterFromWithoutValue", copy({"--filter-from"}), "--filter-from: its value is missing"},
      {"NoThreads", copy({"--threads", "0"}), "--threads: '0'"},
      {"TooManyThreads", copy({"--threads", "65"}), "from 1 to 64"},
      {"NoConnections", copy({"--connections", "0"}), "--connections: '0'"},
      {"TooManyConnections", copy({"--connections", "17"}),
       "--connections: '17' is not a number of connections; write one from 1 to 16"},
      {"ConnectionsInWords", copy({"--connections", "two"}), "--connections: 'two'"},
      {"Timeout", copy({"--timeout", "soon"}), "--timeout: 'soon' is not a duration"},
      {"TimeoutZero", copy({"--timeout", "0"}), "out of range"},
      {"Bwlimit", copy({"--bwlimit", "fast"}), "--bwlimit: 'fast' is not a size"},
      {"BwlimitTooHigh", copy({"--bwlimit", "2TiB"}), "write at most 1TiB, or 0 for no limit"},
      {"IopsLimit", copy({"--iops-limit", "1k"}), "--iops-limit: '1k' is not a number"},
      {"NoLimitsFile", copy({"--limits-file", "TMP/limits"}), "limits: ENOENT"},
      {"LimitsFileIsDirectory", copy({"--limits-file", "TMP"}), "--limits-file: "},
      {"BadLimitsFile", copy({"--limits-file", "/proc/self/comm"}),
       "line 1: is neither bwlimit=SIZE nor iops-limit=N"},
      {"RunId", copy({"--run-id", "a/b"}), "--run-id: 'a/b'"},
      {"Progress", copy({"--progress", "yes"}), "write auto, always or never"},
      {"ProgressInterval", copy({"--progress-interval", "1ms"}), "100ms to 1h"},
      {"LogLevel", copy({"--log-level", "loud"}), "--log-level: 'loud'"},
      {"SwitchWithValue", copy({"--quiet=3"}), "--quiet: takes no value"},
      {"FlagTwice", copy({"--threads", "1", "--threads", "2"}), "given more than once"},
  };
}

INSTANTIATE_TEST_SUITE_P(Values, BadUsageTest, testing::ValuesIn(bad_values()),
                         [](const auto& row) { return row.param.name; });

std::vector<BadUsage> bad_outputs() {
  return {
      {"TwoWritersToStdout", copy({"--report-json", "-", "--report-json", "-"}),
       "--report-json: given more than once"},
      {"ReportInMissingDirectory", copy({"--report-json", "TMP/no/report"}), "no/report: ENOENT"},
      {"ReportIsDirectory", copy({"--report-json", "TMP"}), "EISDIR"},
      {"ReportAndManifestToStdout", copy({"--report-json", "-", "--manifest", "/dev/stdout"}),
       "--report-json and --manifest both write to stdout"},
      {"ManifestAndEntriesToStdout", copy({"--log-entries", "-", "--manifest", "-"}),
       "--manifest and --log-entries both write to stdout"},
      {"BothManifestsToStdout", copy({"--manifest", "-", "--manifest-sha256", "-"}),
       "--manifest and --manifest-sha256 both write to stdout"},
      {"ReportAndEntriesToStdout", copy({"--log-entries", "-", "--report-json", "-"}),
       "--report-json and --log-entries both write to stdout"},
      {"TwoOutputsToOneFile", copy({"--log-entries", "TMP/x", "--manifest", "TMP/x"}),
       "both write to the same file"},
      {"ManifestInMissingDirectory", copy({"--manifest", "TMP/no/m"}), "no/m: ENOENT"},
      {"Sha256InMissingDirectory", copy({"--manifest-sha256", "TMP/no/m"}), "no/m: ENOENT"},
      {"ManifestIsDirectory", copy({"--manifest", "TMP"}), "EISDIR"},
      {"EntriesInMissingDirectory", copy({"--log-entries", "TMP/no/e"}), "no/e: ENOENT"},
      {"EntriesIsDirectory", copy({"--log-entries", "TMP"}), "EISDIR"},
      {"ReportWithoutName", copy({"--report-json="}), "--report-json: its value is missing"},
      {"ManifestInUnwritableDirectory", copy({"--manifest", "/sys/nfsferry"}),
       "name a file in a directory that exists and can be written"},
      {"EntriesInUnwritableDirectory", copy({"--log-entries", "/sys/nfsferry"}), "--log-entries: "},
  };
}

INSTANTIATE_TEST_SUITE_P(Outputs, BadUsageTest, testing::ValuesIn(bad_outputs()),
                         [](const auto& row) { return row.param.name; });

TEST(Version, NamesProgramVersionAndReportSchema) {
  Outcome outcome = run_program({"--version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, std::string("nfsferry ") + kVersion + " (report schema " +
                             std::to_string(kReportSchema) + ")\n");
  EXPECT_EQ(outcome.err, "");
}

TEST(Help, OfEveryCommandGoesToStdoutAndHasAnExample) {
  for (const char* command : {"", "copy", "verify", "restore", "backups", "recover", "provision",
                              "ledger", "bench", "probe"}) {
    std::vector<std::string> arguments{"--help"};
    if (*command) arguments.insert(arguments.begin(), command);
    Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.err, "");
    EXPECT_NE(outcome.out.find("Usage: nfsferry"), std::string::npos) << outcome.out;
    bool has_example = outcome.out.find("Example:\n  nfsferry ") != std::string::npos ||
                       outcome.out.find("Examples:\n  nfsferry ") != std::string::npos;
    EXPECT_TRUE(has_example) << outcome.out;
  }
}

TEST(Help, NamesEveryFlagOfCopy) {
  std::string help = run_program({"copy", "--help"}).out;
  for (const char* flag : {"--owner keep|target|UID:GID",
                           "--map-uid OLD:NEW",
                           "--map-gid OLD:NEW",
                           "--owner-map FILE|-",
                           "--include GLOB",
                           "--exclude GLOB",
                           "--filter-from FILE|-",
                           "--delete",
                           "--max-delete N",
                           "--backup-dir NAME",
                           "--dry-run",
                           "--check",
                           "--batch FILE",
                           "--bwlimit SIZE",
                           "--iops-limit N",
                           "--limits-file FILE",
                           "--owner-errors fail|warn",
                           "--suid keep|drop",
                           "--compare changed|all|checksum",
                           "--overwrite always|never|older",
                           "--force",
                           "--create-target",
                           "--root-attributes",
                           "--cross-mounts",
                           "--include-nfs-leftovers",
                           "--verify none|transferred|all",
                           "--checksum xxh3-128|none",
                           "--engine auto|io_uring|epoll",
                           "--threads",
                           "--connections N",
                           "--timeout",
                           "--run-id",
                           "--report-json",
                           "--manifest FILE|-",
                           "--manifest-sha256 FILE|-",
                           "--log-entries FILE|-",
                           "--quiet",
                           "--progress auto|always|never",
                           "--progress-interval",
                           "--log-level",
                           "--log-json"}) {
    EXPECT_NE(help.find(flag), std::string::npos) << flag;
  }
}

TEST(Help, NamesEveryFlagOfVerify) {
  std::string help = run_program({"verify", "--help"}).out;
  for (const char* flag : {"--owner keep|target|UID:GID",
                           "--map-uid OLD:NEW",
                           "--map-gid OLD:NEW",
                           "--owner-map FILE|-",
                           "--include GLOB",
                           "--exclude GLOB",
                           "--filter-from FILE|-",
                           "--bwlimit SIZE",
                           "--iops-limit N",
                           "--limits-file FILE",
                           "--suid keep|drop",
                           "--cross-mounts",
                           "--include-nfs-leftovers",
                           "--threads",
                           "--connections",
                           "--engine",
                           "--timeout",
                           "--run-id",
                           "--json",
                           "--manifest FILE|-",
                           "--manifest-sha256 FILE|-",
                           "--report-json FILE|-",
                           "--quiet",
                           "--progress auto|always|never",
                           "--progress-interval",
                           "--log-level",
                           "--log-json"}) {
    EXPECT_NE(help.find(flag), std::string::npos) << flag;
  }
}

}  // namespace
}  // namespace nfsferry::test
