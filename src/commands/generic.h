// The generic family: commands on keys of any type and on whole databases. Internal to the family
// and its tests; the table's rows are in generic.cc.
//
// Semantics, replies and error texts are those of Redis 7.2 unless a comment says otherwise.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include "commands/command.h"

namespace flashdb::generic {

// ---- generic_keys.cc: local and spread ------------------------------------------------------

void Delete(CommandContext& context);  // DEL and UNLINK: memory of large values goes piecemeal
void Exists(CommandContext& context);
void TouchKeys(CommandContext& context);
void Type(CommandContext& context);
void Move(CommandContext& context);

/// "string", "hash".
std::string_view TypeName(ValueType type);

// ---- generic_expiry.cc: local ---------------------------------------------------------------

void Expire(CommandContext& context);
void PExpire(CommandContext& context);
void ExpireAt(CommandContext& context);
void PExpireAt(CommandContext& context);
void Ttl(CommandContext& context);
void PTtl(CommandContext& context);
void ExpireTime(CommandContext& context);
void PExpireTime(CommandContext& context);
void Persist(CommandContext& context);

// ---- generic_rename.cc: transactions --------------------------------------------------------

Task<void> Rename(TransactionContext& context);
Task<void> RenameNx(TransactionContext& context);
Task<void> Copy(TransactionContext& context);

// ---- generic_scan.cc ------------------------------------------------------------------------

Task<void> Keys(TransactionContext& context);
Task<void> Scan(TransactionContext& context);
Task<void> RandomKey(TransactionContext& context);

// ---- generic_database.cc --------------------------------------------------------------------

Task<void> DbSize(TransactionContext& context);
Task<void> FlushDb(TransactionContext& context);
Task<void> FlushAll(TransactionContext& context);
Task<void> SwapDb(TransactionContext& context);

// ---- generic_object.cc ----------------------------------------------------------------------

/// The name that Redis has for the way the value is kept.
std::string_view EncodingOf(const Entry& entry);
void ObjectEncoding(CommandContext& context);
void ObjectIdleTime(CommandContext& context);
void ObjectRefCount(CommandContext& context);
void ObjectFreq(CommandContext& context);
void ObjectHelp(SessionContext& context);

// ---- generic_memory.cc ----------------------------------------------------------------------

void MemoryUsage(CommandContext& context);
Task<void> MemoryDoctor(TransactionContext& context);
Task<void> MemoryStats(TransactionContext& context);
Task<void> MemoryPurge(TransactionContext& context);
void MemoryMallocStats(SessionContext& context);
void MemoryHelp(SessionContext& context);

// ---- generic_dump.cc: local -----------------------------------------------------------------

void Dump(CommandContext& context);
void Restore(CommandContext& context);

// ---- generic_wait.cc ------------------------------------------------------------------------

void Wait(SessionContext& context);
void WaitAof(SessionContext& context);

// ---- generic_parse.cc: what several of them share -------------------------------------------

/// A 64-bit integer; on failure the error `message` is written and there is no value.
std::optional<int64_t> ParseInteger(std::string_view text, ReplyWriter& reply,
                                    std::string_view message = kNotInteger);
/// As ParseInteger, but within [low, high]; outside, Redis's text that names both bounds is
/// written if `message` is empty.
std::optional<int64_t> ParseRange(std::string_view text, int64_t low, int64_t high,
                                  ReplyWriter& reply, std::string_view message = {});
/// The number of an existing database, or an error reply. `message` is for what is no 32-bit
/// integer; one that is but names no database gets "ERR DB index is out of range".
std::optional<uint32_t> ParseDatabase(std::string_view text, ReplyWriter& reply,
                                      std::string_view message = {});
/// Writes the reply of "CONTAINER HELP": a header, `lines`, and the lines on HELP itself.
void WriteHelp(ReplyWriter& reply, std::string_view container,
               std::span<const std::string_view> lines);

/// The entry of a key without touching it, counted as a hit or a miss all the same.
const Entry* Peek(CommandContext& context, const KeyRef& key);

inline constexpr std::string_view kSameObject = "ERR source and destination objects are the same";
inline constexpr std::string_view kDatabaseOutOfRange = "ERR DB index is out of range";

}  // namespace flashdb::generic
