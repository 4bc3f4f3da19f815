#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "recover/aws_patience.hpp"
#include "recover/credentials.hpp"
#include "recover/json.hpp"

// Calls of AWS's services by their JSON protocol. Only for recover's own sources.
namespace nfsferry::recover {

struct AwsService {
  const char* signing_name;  // also the first label of its host
  const char* target;        // what stands before the operation in X-Amz-Target
  const char* endpoint;      // the variable with its own address
};
inline constexpr AwsService kStepFunctions{"states", "AWSStepFunctions.", "AWS_ENDPOINT_URL_SFN"};
inline constexpr AwsService kDynamodb{"dynamodb", "DynamoDB_20120810.",
                                      "AWS_ENDPOINT_URL_DYNAMODB"};

// Credentials that are always good for a while: fetched anew before they expire.
class CredentialsKeeper {
 public:
  explicit CredentialsKeeper(CredentialsPlace place) : place_(std::move(place)) {}

  Result<Credentials> get(std::uint64_t timeout_ms);
  // The service said that they have expired. False if there is no place to get others from.
  bool forget();

 private:
  Result<Credentials> fetch(std::uint64_t timeout_ms) const;

  CredentialsPlace place_;
  Credentials fetched_;
};

// One thread at a time.
class AwsClient {
 public:
  // Errors: kBadInput where the build, the environment (region, credentials, endpoint) or the
  // machine lacks something.
  static Result<AwsClient> open(const AwsService& service, AwsPatience patience = {});

  // The operation's result, a JSON object. Errors: the service's (Domain::kAws), those of
  // call_http(), kBadReply; the operation is the error's operation.
  Result<Json> call(const std::string& operation, const Json& arguments);
  // Whether the last call was sent more than once: what an earlier attempt did is not known.
  bool repeated() const { return attempts_ > 1; }

 private:
  AwsClient(const AwsService& service, AwsPatience patience, CredentialsPlace place)
      : service_(&service), patience_(patience), credentials_(std::move(place)) {}

  Result<Json> attempt(const std::string& operation, const std::string& body);

  const AwsService* service_;
  AwsPatience patience_;
  CredentialsKeeper credentials_;
  std::string region_;
  std::string url_;
  unsigned attempts_ = 0;
};

}  // namespace nfsferry::recover
