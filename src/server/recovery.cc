#include "server/recovery.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>

namespace flashdb {

Recovery::Recovery(FileSystem& files, std::string dir, uint32_t shards)
    : files_(files), dir_(std::move(dir)), shards_(shards) {}

std::string Recovery::PathOf(const Generation& generation, uint32_t log) const {
  return fmt::format("{}/wal/g{:06}/s{:04}", dir_, generation.number, log);
}

Status Recovery::Prepare() {
  FLASHDB_ASSIGN_OR_RETURN(generations_, ReadManifest(files_, dir_));
  for (const Generation& generation : generations_) {
    for (uint32_t id = 0; id < generation.shards; ++id) {
      logs_.emplace_back();
      logs_.back().generation = generation;
      logs_.back().id = id;
    }
  }
  return OkStatus();
}

Status Recovery::ScanMine(ShardId shard) {
  for (size_t i = shard; i < logs_.size(); i += shards_) {
    Log& log = logs_[i];
    FLASHDB_ASSIGN_OR_RETURN(log.scan, ScanLog(files_, PathOf(log.generation, log.id), log.id));
    if (!log.scan.note.empty()) spdlog::warn("recovery: {}", log.scan.note);
  }
  return OkStatus();
}

Status Recovery::JoinCuts() {
  for (const Generation& generation : generations_) {
    FLASHDB_RETURN_IF_ERROR(CutGeneration(generation));
  }
  return OkStatus();
}

Status Recovery::CutGeneration(const Generation& generation) {
  std::vector<LogScan> scans;
  std::vector<Log*> logs;
  for (Log& log : logs_) {
    if (log.generation.number != generation.number) continue;
    scans.push_back(log.scan);
    logs.push_back(&log);
  }
  FLASHDB_ASSIGN_OR_RETURN(std::vector<Cut> cuts, ComputeCuts(scans));
  for (size_t i = 0; i < logs.size(); ++i) {
    logs[i]->cut = cuts[i];
    last_txn_ = std::max(last_txn_, scans[i].settled_txn);
    for (const GroupRecord& group : scans[i].groups) {
      last_txn_ = std::max(last_txn_, group.txn);
    }
    last_lsn_ = std::max(last_lsn_, scans[i].next_lsn - 1);
    if (cuts[i].txn != 0 && cuts[i].lsn < scans[i].next_lsn) {
      spdlog::warn(
          "recovery: {}: cut {} records from LSN {} on: transaction {} was not whole, so "
          "nothing from there on had been acknowledged",
          scans[i].directory, scans[i].next_lsn - cuts[i].lsn, cuts[i].lsn, cuts[i].txn);
    }
  }
  return OkStatus();
}

Status Recovery::CutMine(ShardId shard) {
  for (size_t i = shard; i < logs_.size(); i += shards_) {
    Log& log = logs_[i];
    FLASHDB_RETURN_IF_ERROR(files_.CreateDirectories(PathOf(log.generation, log.id)));
    FLASHDB_ASSIGN_OR_RETURN(log.start, ApplyCut(files_, log.scan, log.cut));
  }
  return OkStatus();
}

Status Recovery::JoinGeneration() {
  if (!generations_.empty() && generations_.back().shards == shards_) return OkStatus();
  Generation next{.number = generations_.empty() ? 1 : generations_.back().number + 1,
                  .shards = shards_};
  for (uint32_t id = 0; id < shards_; ++id) {
    FLASHDB_RETURN_IF_ERROR(files_.CreateDirectories(PathOf(next, id)));
  }
  FLASHDB_RETURN_IF_ERROR(files_.SyncDirectory(dir_ + "/wal"));
  if (!generations_.empty()) {
    spdlog::info("{} shards instead of {}: slots move to their new owners", shards_,
                 generations_.back().shards);
  }
  generations_.push_back(next);
  return WriteManifest(files_, dir_, generations_);
}

Status Recovery::ReplayMine(ShardId shard, Keyspace& keys) {
  uint32_t first = FirstSlot(shard, shards_);
  uint32_t end = FirstSlot(shard + 1u, shards_);
  for (const Log& log : logs_) {
    uint32_t log_first = FirstSlot(log.id, log.generation.shards);
    uint32_t log_end = FirstSlot(log.id + 1, log.generation.shards);
    if (log_end <= first || log_first >= end) continue;
    FLASHDB_RETURN_IF_ERROR(ReplayLogInto(log, keys));
  }
  return OkStatus();
}

Status Recovery::ReplayLogInto(const Log& log, Keyspace& keys) {
  uint64_t count = 0;
  auto apply = [&](Lsn lsn, RecordType, TxnId, std::string_view payload) {
    ++count;
    return keys.Apply(payload, lsn);
  };
  Status status = ReplayLog(files_, log.scan, log.cut, apply);
  records_ += count;
  return status;
}

LogStart Recovery::StartOf(ShardId shard) const {
  LogStart start;
  for (const Log& log : logs_) {
    if (log.generation.number == generations_.back().number && log.id == shard) start = log.start;
  }
  // A log without any record of its own begins above everything that was replayed.
  if (start.previous_segment == 0) start.next_lsn = last_lsn_ + 1;
  start.settled_txn = std::max(start.settled_txn, last_txn_);
  return start;
}

std::string Recovery::DirectoryOf(ShardId shard) const {
  return PathOf(generations_.back(), shard);
}

}  // namespace flashdb
