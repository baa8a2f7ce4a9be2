// Shard: what happens when a log fails, here and on the other shards.
//
// A log that failed keeps every transaction with a missing record in it from ever being whole, and
// with it, as there is one order, all later ones: they are lost. The sequencer's shard knows the
// first of them and says so to all, by the same mail that brings transactions their places. A shard
// that holds a lost transaction's record can settle nothing from there on, so it fails as well,
// though its own disk is well. Any other shard goes on.
#include <spdlog/spdlog.h>

#include <memory>

#include "shards/shard.h"

namespace flashdb {
namespace {

struct FailureNews {
  ShardId shard = 0;
  bool log_failed = false;
  std::string why;
};

struct LostNews {
  TxnId first = 0;
  std::string why;
};

}  // namespace

void Shard::FailHere(bool log_failed, const std::string& why) {
  spdlog::error("{}", why);
  for (ShardId shard : AllShards()) {
    if (shard == id_) continue;
    SendMail(shard,
             {.deliver =
                  [](Shard& here, const Envelope& mail) {
                    std::unique_ptr<FailureNews> news(static_cast<FailureNews*>(mail.object));
                    here.NoteFailure(news->shard, news->log_failed, news->why);
                  },
              .object = new FailureNews{id_, log_failed, why}});
  }
  NoteFailure(id_, log_failed, why);
}

void Shard::NoteFailure(ShardId shard, bool log_failed, const std::string& why) {
  commits_.SetFailed(shard, why);
  if (!log_failed || id_ != 0) return;
  sequencer_.SetFailed(shard);
  PublishLostTxn();
}

void Shard::PublishLostTxn() {
  if (sequencer_.lost() == published_lost_txn_) return;
  published_lost_txn_ = sequencer_.lost();
  const std::string& why = commits_.FailureOf(*commits_.FirstFailed());
  for (ShardId shard : AllShards()) {
    SendMail(shard, {.deliver =
                         [](Shard& here, const Envelope& mail) {
                           std::unique_ptr<LostNews> news(static_cast<LostNews*>(mail.object));
                           here.lost_because_ = std::move(news->why);
                           here.commits().SetLostTxn(news->first);
                           here.FailIfItHoldsLostTxn();
                         },
                     .object = new LostNews{published_lost_txn_, why}});
  }
}

void Shard::NoteGroup(Lsn lsn, TxnId txn) {
  commits_.NoteGroup(lsn, txn);
  FailIfItHoldsLostTxn();
}

void Shard::FailIfItHoldsLostTxn() {
  if (!commits_.HoldsLostTxn() || commits_.HasFailed(id_)) [[likely]] {
    return;
  }
  FailHere(false, fmt::format("shard {} takes no more writes: it holds part of a transaction that "
                              "can never be whole on disk; {}",
                              id_, lost_because_));
}

}  // namespace flashdb
