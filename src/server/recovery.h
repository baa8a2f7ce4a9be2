// From a data directory to filled keyspaces: which logs there are, what they hold, where they end.
//
//   DIR/LOCK                        held while a server runs on the directory
//   DIR/MANIFEST                    text: format version and the generations
//   DIR/wal/g000001/s0000/*.seg     the log of shard 0 in generation 1
//
// A generation is a span of time with one number of shards. Starting with another number begins a
// new generation; the older ones are replayed first, each key by the shard that owns it now.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "io/file.h"
#include "shards/keyspace.h"
#include "wal/recovery.h"

namespace flashdb {

struct Generation {
  uint32_t number = 0;
  uint32_t shards = 0;
};

/// Reads and writes DIR/MANIFEST. Writing is atomic and durable.
StatusOr<std::vector<Generation>> ReadManifest(FileSystem& files, const std::string& dir);
Status WriteManifest(FileSystem& files, const std::string& dir,
                     const std::vector<Generation>& generations);

/// The steps of recovery. Prepare and the Join steps run on one thread while the others wait; the
/// Mine steps run on all shards' threads at once, each for its share of the logs.
class Recovery {
 public:
  Recovery(FileSystem& files, std::string dir, uint32_t shards);

  /// Creates the directories of a new server or reads the manifest of an old one.
  Status Prepare();
  Status ScanMine(ShardId shard);
  /// Decides where each log ends.
  Status JoinCuts();
  Status CutMine(ShardId shard);
  /// Begins a new generation if the number of shards has changed.
  Status JoinGeneration();
  Status ReplayMine(ShardId shard, Keyspace& keys);

  /// Afterwards: where the shard's log goes on, and in which directory.
  LogStart StartOf(ShardId shard) const;
  std::string DirectoryOf(ShardId shard) const;
  TxnId last_txn() const { return last_txn_; }
  uint64_t records() const { return records_.load(); }

 private:
  struct Log {
    Generation generation;
    uint32_t id = 0;
    LogScan scan;
    Cut cut;
    LogStart start;
  };

  std::string PathOf(const Generation& generation, uint32_t log) const;
  Status CutGeneration(const Generation& generation);
  Status ReplayLogInto(const Log& log, Keyspace& keys);

  FileSystem& files_;
  const std::string dir_;
  const uint32_t shards_;
  std::vector<Generation> generations_;
  std::vector<Log> logs_;
  TxnId last_txn_ = 0;
  Lsn last_lsn_ = 0;
  std::atomic<uint64_t> records_{0};
};

}  // namespace flashdb
