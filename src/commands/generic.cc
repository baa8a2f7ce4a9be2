// The rows of the generic family. Flags, arities and key positions are what COMMAND INFO of Redis
// 7.2 tells, among the flags that CommandFlag knows.
#include "commands/generic.h"

namespace flashdb {
namespace {

using namespace generic;  // NOLINT: the handlers, for the rows below only

constexpr KeyRange kNone{};
constexpr KeyRange kOne{1, 1, 1};
constexpr KeyRange kTwo{1, 2, 1};
constexpr KeyRange kEvery{1, -1, 1};
constexpr KeyRange kAfterSubcommand{2, 2, 1};

constexpr uint32_t kFastRead = kReadOnly | kFast;
constexpr uint32_t kFastWrite = kWrite | kFast;
constexpr uint32_t kAlways = kLoading | kStale;

constexpr std::string_view kSlowReadAcl = "@keyspace @read @slow";
constexpr std::string_view kFastReadAcl = "@keyspace @read @fast";
constexpr std::string_view kSlowWriteAcl = "@keyspace @write @slow";
constexpr std::string_view kFastWriteAcl = "@keyspace @write @fast";
constexpr std::string_view kDangerousReadAcl = "@keyspace @read @slow @dangerous";
constexpr std::string_view kDangerousWriteAcl = "@keyspace @write @slow @dangerous";
constexpr std::string_view kDangerousFastWriteAcl = "@keyspace @write @fast @dangerous";
constexpr std::string_view kKeyspaceAcl = "@keyspace @slow";
constexpr std::string_view kReadAcl = "@read @slow";
constexpr std::string_view kSlowAcl = "@slow";
constexpr std::string_view kConnectionAcl = "@slow @connection";

constexpr CommandDoc Doc(std::string_view summary, std::string_view since,
                         std::string_view complexity) {
  return {summary, since, "generic", complexity};
}

constexpr CommandDoc ServerDoc(std::string_view summary, std::string_view since,
                               std::string_view complexity) {
  return {summary, since, "server", complexity};
}

constexpr Command In(std::string_view acl_categories, Command row) {
  row.acl_categories = acl_categories;
  return row;
}

// A name that only has subcommands.
constexpr Command Container(std::string_view name, CommandDoc doc) {
  return {.name = name,
          .arity = -2,
          .kind = CommandKind::kSession,
          .acl_categories = kSlowAcl,
          .doc = doc};
}

constexpr std::string_view kPerKey =
    "O(1) for each key, and as much again in the background for "
    "each element of a large value";

constexpr Command kRows[] = {
    // Keys.
    In(kSlowWriteAcl, Spread("del", -2, kWrite, kEvery, &Delete, Merge::kSum,
                             Doc("Removes keys and tells how many there were.", "1.0.0", kPerKey))),
    In(kFastWriteAcl, Spread("unlink", -2, kFastWrite, kEvery, &Delete, Merge::kSum,
                             Doc("Removes keys, their memory later.", "4.0.0", kPerKey))),
    In(kFastReadAcl, Spread("exists", -2, kFastRead, kEvery, &Exists, Merge::kSum,
                            Doc("Counts which of the keys exist.", "1.0.0", "O(1) for each key"))),
    In(kFastReadAcl, Spread("touch", -2, kFastRead, kEvery, &TouchKeys, Merge::kSum,
                            Doc("Marks keys as just used and counts those that exist.", "3.2.1",
                                "O(1) for each key"))),
    In(kFastReadAcl, Local("type", 2, kFastRead, kOne, &Type,
                           Doc("Names the type of a key's value.", "1.0.0", "O(1)"))),
    In(kFastWriteAcl, Local("move", 3, kFastWrite, kOne, &Move,
                            Doc("Moves a key to another database.", "1.0.0", "O(size of value)"))),

    // Expiry.
    In(kFastWriteAcl, Local("expire", -3, kFastWrite, kOne, &Expire,
                            Doc("Lets a key expire in some seconds.", "1.0.0", "O(1)"))),
    In(kFastWriteAcl, Local("pexpire", -3, kFastWrite, kOne, &PExpire,
                            Doc("Lets a key expire in some milliseconds.", "2.6.0", "O(1)"))),
    In(kFastWriteAcl, Local("expireat", -3, kFastWrite, kOne, &ExpireAt,
                            Doc("Lets a key expire at a Unix time in seconds.", "1.2.0", "O(1)"))),
    In(kFastWriteAcl,
       Local("pexpireat", -3, kFastWrite, kOne, &PExpireAt,
             Doc("Lets a key expire at a Unix time in milliseconds.", "2.6.0", "O(1)"))),
    In(kFastReadAcl, Local("ttl", 2, kFastRead, kOne, &Ttl,
                           Doc("Tells in how many seconds a key expires.", "1.0.0", "O(1)"))),
    In(kFastReadAcl, Local("pttl", 2, kFastRead, kOne, &PTtl,
                           Doc("Tells in how many milliseconds a key expires.", "2.6.0", "O(1)"))),
    In(kFastReadAcl,
       Local("expiretime", 2, kFastRead, kOne, &generic::ExpireTime,
             Doc("Tells the Unix time in seconds at which a key expires.", "7.0.0", "O(1)"))),
    In(kFastReadAcl,
       Local("pexpiretime", 2, kFastRead, kOne, &PExpireTime,
             Doc("Tells the Unix time in milliseconds at which a key expires.", "7.0.0", "O(1)"))),
    In(kFastWriteAcl, Local("persist", 2, kFastWrite, kOne, &Persist,
                            Doc("Removes a key's expiry.", "2.2.0", "O(1)"))),

    // Copies.
    In(kSlowWriteAcl, InTransaction("rename", 3, kWrite, kTwo, &Rename,
                                    Doc("Gives a key another name, replacing what has it.", "1.0.0",
                                        "O(size of value)"))),
    In(kFastWriteAcl, InTransaction("renamenx", 3, kFastWrite, kTwo, &RenameNx,
                                    Doc("Gives a key another name unless that is taken.", "1.0.0",
                                        "O(size of value)"))),
    In(kSlowWriteAcl,
       InTransaction("copy", -3, kWrite | kDenyOom, kTwo, &Copy,
                     Doc("Copies a value to another key.", "6.2.0", "O(size of value)"))),
    In(kSlowReadAcl,
       Local("dump", 2, kReadOnly, kOne, &Dump,
             Doc("Gives a value as bytes that RESTORE understands.", "2.6.0", "O(size of value)"))),
    In(kDangerousWriteAcl,
       Local("restore", -4, kWrite | kDenyOom, kOne, &Restore,
             Doc("Makes a key from the bytes that DUMP gave.", "2.6.0", "O(size of value)"))),

    // The keys of a database.
    In(kDangerousReadAcl,
       InTransaction("keys", 2, kReadOnly | kAllSlots, kNone, &Keys,
                     Doc("Lists the keys that match a pattern.", "1.0.0", "O(keys)"))),
    In(kSlowReadAcl, Walk("scan", -2, kReadOnly, &Scan,
                          Doc("Lists the keys piece by piece.", "2.8.0",
                              "O(COUNT) for each call, O(keys) for a whole walk"))),
    In(kSlowReadAcl, Walk("randomkey", 1, kReadOnly, &RandomKey,
                          Doc("Names some key at random.", "1.0.0", "O(shards)"))),
    In(kFastReadAcl,
       InTransaction("dbsize", 1, kFastRead | kAllSlots, kNone, &DbSize,
                     ServerDoc("Counts the keys of the database.", "1.0.0", "O(shards)"))),
    In(kDangerousWriteAcl, InTransaction("flushdb", -1, kWrite | kAllSlots, kNone, &FlushDb,
                                         ServerDoc("Removes every key of the database.", "1.0.0",
                                                   "O(1), then O(keys) in the background"))),
    In(kDangerousWriteAcl, InTransaction("flushall", -1, kWrite | kAllSlots, kNone, &FlushAll,
                                         ServerDoc("Removes every key of every database.", "1.0.0",
                                                   "O(1), then O(keys) in the background"))),
    In(kDangerousFastWriteAcl,
       InTransaction("swapdb", 3, kFastWrite | kAllSlots, kNone, &SwapDb,
                     ServerDoc("Exchanges two databases.", "4.0.0", "O(watched keys)"))),

    // Introspection.
    Container("object",
              Doc("Commands that tell how values are kept.", "2.2.3", "Depends on the subcommand")),
    In(kSlowReadAcl, Local("object|encoding", 3, kReadOnly, kAfterSubcommand, &ObjectEncoding,
                           Doc("Names a value's representation.", "2.2.3", "O(1)"))),
    In(kSlowReadAcl, Local("object|idletime", 3, kReadOnly, kAfterSubcommand, &ObjectIdleTime,
                           Doc("Tells since when a key is not used.", "2.2.3", "O(1)"))),
    In(kSlowReadAcl, Local("object|refcount", 3, kReadOnly, kAfterSubcommand, &ObjectRefCount,
                           Doc("Counts the references to a value.", "2.2.3", "O(1)"))),
    In(kSlowReadAcl, Local("object|freq", 3, kReadOnly, kAfterSubcommand, &ObjectFreq,
                           Doc("Tells how often a key is used.", "4.0.0", "O(1)"))),
    In(kKeyspaceAcl, OnSession("object|help", 2, kAlways, &ObjectHelp,
                               Doc("Explains the OBJECT commands.", "6.2.0", "O(1)"))),
    Container("memory", ServerDoc("Commands on memory use.", "4.0.0", "Depends on the subcommand")),
    In(kReadAcl, Local("memory|usage", -3, kReadOnly, kAfterSubcommand, &MemoryUsage,
                       ServerDoc("Tells what a key takes up.", "4.0.0", "O(1)"))),
    In(kSlowAcl, Walk("memory|doctor", 2, 0, &MemoryDoctor,
                      ServerDoc("Judges the memory use.", "4.0.0", "O(shards)"))),
    In(kSlowAcl, Walk("memory|stats", 2, 0, &MemoryStats,
                      ServerDoc("Shows what memory is used for.", "4.0.0", "O(shards)"))),
    In(kSlowAcl,
       Walk("memory|purge", 2, 0, &MemoryPurge,
            ServerDoc("Gives free memory back to the system.", "4.0.0", "O(free memory)"))),
    In(kSlowAcl, OnSession("memory|malloc-stats", 2, 0, &MemoryMallocStats,
                           ServerDoc("Shows the allocator's statistics.", "4.0.0", "O(1)"))),
    In(kSlowAcl, OnSession("memory|help", 2, kAlways, &MemoryHelp,
                           ServerDoc("Explains the MEMORY commands.", "4.0.0", "O(1)"))),

    // Waiting for replicas, of which there are none.
    In(kConnectionAcl,
       OnSession("wait", 3, 0, &Wait,
                 Doc("Counts the replicas that have the last write.", "3.0.0", "O(1)"))),
    In(kConnectionAcl, OnSession("waitaof", 4, kNoScript, &WaitAof,
                                 Doc("Tells whether the last write is on disk.", "7.2.0", "O(1)"))),
};

}  // namespace

std::span<const Command> GenericCommands() { return kRows; }

}  // namespace flashdb
