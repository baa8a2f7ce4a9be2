// Configuration values as text. The errors quote the text and say what would be right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/numbers.h"
#include "base/status.h"

namespace flashdb {

/// A decimal whole number in [min, max].
StatusOr<int64_t> ParseInteger(std::string_view text, int64_t min, int64_t max);

/// Bytes: a whole number with an optional unit as in redis.conf, in any case: b, k (1000), kb
/// (1024), m, mb, g, gb. In [min, max].
StatusOr<uint64_t> ParseSize(std::string_view text, uint64_t min, uint64_t max);

/// yes/no; true/false, on/off and 1/0 are taken too.
StatusOr<bool> ParseYesNo(std::string_view text);

/// `bytes` with the largest unit that gives a whole number: "32mb", "1000", "0".
std::string FormatSize(uint64_t bytes);

/// The words of `text`, which spaces and commas separate.
std::vector<std::string_view> SplitWords(std::string_view text);

}  // namespace flashdb
