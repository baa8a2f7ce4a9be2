// The rows of the string and bitmap commands.
#include <array>

#include "commands/string_handlers.h"

namespace flashdb {
namespace {

constexpr KeyRange kOneKey{.first = 1, .last = 1, .step = 1};
constexpr KeyRange kAllKeys{.first = 1, .last = -1, .step = 1};
constexpr KeyRange kKeysWithValues{.first = 1, .last = -1, .step = 2};

constexpr CommandDoc String(std::string_view since, std::string_view complexity,
                            std::string_view summary) {
  return {.summary = summary, .since = since, .group = "string", .complexity = complexity};
}
constexpr CommandDoc Bitmap(std::string_view since, std::string_view complexity,
                            std::string_view summary) {
  return {.summary = summary, .since = since, .group = "bitmap", .complexity = complexity};
}

constexpr std::array kRows{
    Local("get", 2, kReadOnly | kFast, kOneKey, strings::Get,
          String("1.0.0", "O(1)", "Reads a string.")),
    Local("set", -3, kWrite | kDenyOom, kOneKey, strings::Set,
          String("1.0.0", "O(1)",
                 "Sets a key to a string, whatever it held before; options bind this to "
                 "conditions and give it an expiry.")),
    Local("setnx", 3, kWrite | kDenyOom | kFast, kOneKey, strings::SetNx,
          String("1.0.0", "O(1)", "Sets a key to a string if there is no such key.")),
    Local("setex", 4, kWrite | kDenyOom, kOneKey, strings::SetEx,
          String("2.0.0", "O(1)", "Sets a key to a string that expires in so many seconds.")),
    Local("psetex", 4, kWrite | kDenyOom, kOneKey, strings::PSetEx,
          String("2.6.0", "O(1)", "Sets a key to a string that expires in so many milliseconds.")),
    Local("getex", -2, kWrite | kFast, kOneKey, strings::GetEx,
          String("6.2.0", "O(1)", "Reads a string and sets or removes its expiry.")),
    Local("getdel", 2, kWrite | kFast, kOneKey, strings::GetDel,
          String("6.2.0", "O(1)", "Reads a string and deletes its key.")),
    Local("getset", 3, kWrite | kDenyOom | kFast, kOneKey, strings::GetSet,
          String("1.0.0", "O(1)", "Sets a key to a string and returns the one before.")),
    Local("append", 3, kWrite | kDenyOom | kFast, kOneKey, strings::Append,
          String("2.0.0", "O(1) amortized for short additions",
                 "Adds bytes to the end of a string, which is empty if there is none yet.")),
    Local("strlen", 2, kReadOnly | kFast, kOneKey, strings::StrLen,
          String("2.2.0", "O(1)", "Tells how many bytes a string has.")),
    Local("setrange", 4, kWrite | kDenyOom, kOneKey, strings::SetRange,
          String("2.2.0", "O(1) for short values, else O(M) for M bytes written",
                 "Overwrites a string from an offset on, filling a gap with zero bytes.")),
    Local("getrange", 4, kReadOnly, kOneKey, strings::GetRange,
          String("2.4.0", "O(N) for N bytes returned", "Reads a part of a string.")),
    Local("substr", 4, kReadOnly, kOneKey, strings::GetRange,
          String("1.0.0", "O(N) for N bytes returned",
                 "Reads a part of a string; the old name of GETRANGE.")),
    Local("incr", 2, kWrite | kDenyOom | kFast, kOneKey, strings::Incr,
          String("1.0.0", "O(1)", "Adds one to an integer, which is 0 if there is none yet.")),
    Local("decr", 2, kWrite | kDenyOom | kFast, kOneKey, strings::Decr,
          String("1.0.0", "O(1)", "Takes one from an integer, which is 0 if there is none yet.")),
    Local("incrby", 3, kWrite | kDenyOom | kFast, kOneKey, strings::IncrBy,
          String("1.0.0", "O(1)", "Adds to an integer, which is 0 if there is none yet.")),
    Local("decrby", 3, kWrite | kDenyOom | kFast, kOneKey, strings::DecrBy,
          String("1.0.0", "O(1)", "Takes from an integer, which is 0 if there is none yet.")),
    Local("incrbyfloat", 3, kWrite | kDenyOom | kFast, kOneKey, strings::IncrByFloat,
          String("2.6.0", "O(1)",
                 "Adds to a floating point number, which is 0 if there is none yet.")),
    Spread("mget", -2, kReadOnly | kFast, kAllKeys, strings::MGet, Merge::kByKey,
           String("1.0.0", "O(N) for N keys", "Reads several strings at one instant.")),
    Spread("mset", -3, kWrite | kDenyOom, kKeysWithValues, strings::MSet, Merge::kOk,
           String("1.0.1", "O(N) for N keys", "Sets several keys to strings at one instant.")),
    InTransaction(
        "msetnx", -3, kWrite | kDenyOom, kKeysWithValues, strings::MSetNx,
        String("1.0.1", "O(N) for N keys", "Sets several keys to strings if none of them exists.")),
    InTransaction("lcs", -3, kReadOnly, {.first = 1, .last = 2, .step = 1}, strings::Lcs,
                  String("7.0.0", "O(N*M) for strings of N and M bytes",
                         "Finds the longest common subsequence of two strings.")),
    Local("setbit", 4, kWrite | kDenyOom, kOneKey, strings::SetBit,
          Bitmap("2.2.0", "O(1)", "Sets one bit of a string and returns what it was.")),
    Local("getbit", 3, kReadOnly | kFast, kOneKey, strings::GetBit,
          Bitmap("2.2.0", "O(1)", "Reads one bit of a string.")),
    Local("bitcount", -2, kReadOnly, kOneKey, strings::BitCount,
          Bitmap("2.6.0", "O(N) for N bytes", "Counts the bits of a string that are set.")),
    Local("bitpos", -3, kReadOnly, kOneKey, strings::BitPos,
          Bitmap("2.8.7", "O(N) for N bytes",
                 "Finds the first bit of a string that is set, or that is clear.")),
    Local("bitfield", -2, kWrite | kDenyOom, kOneKey, strings::BitField,
          Bitmap("3.2.0", "O(1) for each operation",
                 "Reads, sets and increments integers of any width within a string.")),
    Local("bitfield_ro", -2, kReadOnly | kFast, kOneKey, strings::BitFieldRo,
          Bitmap("6.0.0", "O(1) for each operation", "Reads integers of any width in a string.")),
    InTransaction(
        "bitop", -4, kWrite | kDenyOom, {.first = 2, .last = -1, .step = 1}, strings::BitOp,
        Bitmap("2.6.0", "O(N) for N bytes", "Combines strings bit by bit and stores the result.")),
};

}  // namespace

std::span<const Command> StringCommands() { return kRows; }

}  // namespace flashdb
