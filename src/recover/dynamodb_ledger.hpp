#pragma once

#include <memory>
#include <string_view>

#include "recover/aws_patience.hpp"
#include "recover/ledger.hpp"

namespace nfsferry::recover {

// A ledger in two DynamoDB tables: "TABLE" and "TABLEHistory", or "TABLE,HISTORY". They are not
// made here: one with the hash key profile_name and the range key domain_name, the other with
// profile_name and epoctime (a number). Reads are consistent, results that come in pages are read
// to their end. Errors: kBadInput for names that no table has, or where no calls can be made;
// those of AwsClient; kBadReply for an item that is no row.
Result<std::unique_ptr<Ledger>> open_dynamodb_ledger(std::string_view tables,
                                                     AwsPatience patience = {});

}  // namespace nfsferry::recover
