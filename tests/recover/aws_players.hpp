// Programs that play DynamoDB on 127.0.0.1, started with the first call, ended with the process.
#pragma once

#include <string>

namespace nfsferry::test {

std::string dynalite_url();  // where require_packages() finds all
std::string moto_url();      // where missing_moto() is empty
// Why moto cannot be used, empty if it can.
std::string missing_moto();

}  // namespace nfsferry::test
