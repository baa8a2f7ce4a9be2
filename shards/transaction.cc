#include "shards/transaction.h"

#include <algorithm>

#include "base/check.h"

namespace flashdb {

Transaction::~Transaction() { FLASHDB_CHECK(!locked_, "a transaction ended without Finish()"); }

Transaction::Part* Transaction::Find(ShardId shard) {
  for (auto& part : parts_) {
    if (part->shard == shard) return part.get();
  }
  return nullptr;
}

TransactionCapture* Transaction::CaptureAt(ShardId shard) {
  if (!locked_ || !write_ || committed_) return nullptr;
  Part* part = Find(shard);
  return part != nullptr ? &part->capture : nullptr;
}

void Transaction::AddSlot(SlotId slot) {
  ShardId owner = OwnerOf(slot, ShardCount());
  Part* part = Find(owner);
  if (part == nullptr) {
    parts_.push_back(std::make_unique<Part>());
    part = parts_.back().get();
    part->shard = owner;
  }
  part->slots.push_back(slot);
}

void Transaction::AddAllSlots() {
  for (ShardId shard : AllShards()) AddWholeShard(shard);
}

void Transaction::AddWholeShard(ShardId shard) {
  if (Find(shard) == nullptr) {
    parts_.push_back(std::make_unique<Part>());
    parts_.back()->shard = shard;
  }
  Find(shard)->all = true;
}

std::vector<ShardId> Transaction::Participants() const {
  std::vector<ShardId> shards;
  for (const auto& part : parts_) shards.push_back(part->shard);
  return shards;
}

Task<std::optional<std::string>> Transaction::Lock(uint64_t bytes) {
  std::sort(parts_.begin(), parts_.end(),
            [](const auto& a, const auto& b) { return a->shard < b->shard; });
  for (auto& part : parts_) {
    auto& slots = part->slots;
    std::sort(slots.begin(), slots.end());
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
    part->exclusive = write_;
    part->on_granted = &GrantedThere;
    part->transaction = this;
    part->bytes = bytes;
    participant_ids_.push_back(part->shard);
  }
  if (parts_.empty()) co_return std::nullopt;
  locked_ = true;
  outstanding_ = parts_.size();
  if (parts_.size() == 1) {
    SendToParts(&LockThere);
  } else {
    SendMail(0, {.deliver = &Sequence, .object = this});
  }
  co_await granted_;
  for (auto& part : parts_) {
    if (part->refusal.has_value()) co_return part->refusal;
  }
  co_return std::nullopt;
}

void Transaction::SendToParts(Deliver deliver) {
  for (auto& part : parts_) SendMail(part->shard, {.deliver = deliver, .object = part.get()});
}

void Transaction::Sequence(Shard&, const Envelope& mail) {
  auto* transaction = static_cast<Transaction*>(mail.object);
  transaction->SendToParts(&LockThere);
}

void Transaction::LockThere(Shard& here, const Envelope& mail) {
  auto* part = static_cast<Part*>(mail.object);
#ifdef FLASHDB_BREAK_TRANSACTION_ORDER  // a broken build, to prove that the checks notice
  if (part->transaction->parts_.size() > 1) {
    part->slots.clear();
    part->all = false;
  }
#endif
  if (here.locks().Acquire(*part)) GrantedThere(*part);
}

namespace {

// Transactions have one order, and none is settled before those in front of it: once a log has
// failed, a later one might never be.
std::optional<std::string> RefusesSeveralShards(Shard& here) {
  std::optional<ShardId> failed = here.commits().FirstFailed();
  if (!failed) return std::nullopt;
  return "MISCONF Writes over several shards are refused: " + here.commits().FailureOf(*failed);
}

}  // namespace

void Transaction::GrantedThere(LockRequest& lock) {
  auto* part = static_cast<Part*>(&lock);
  if (part->transaction->write_) {
    Shard& here = Shard::Current();
    part->refusal = here.RefusesWrite(part->bytes);
    if (!part->refusal && part->transaction->parts_.size() > 1) {
      part->refusal = RefusesSeveralShards(here);
    }
  }
  SendMail(part->transaction->home_, {.deliver = &GrantedHome, .object = part});
}

void Transaction::GrantedHome(Shard&, const Envelope& mail) {
  Transaction* transaction = static_cast<Part*>(mail.object)->transaction;
  if (--transaction->outstanding_ == 0) transaction->granted_.Set();
}

Task<void> Transaction::Commit() {
  if (!locked_) co_return;
  committed_ = true;
  SendRecords();
  co_await logged_;
}

Task<void> Transaction::Finish() {
  if (!locked_) co_return;
  if (committed_) {
    outstanding_ = parts_.size();
    SendToParts(&UnlockThere);
    co_await unlocked_;
  } else {
    SendRecords();
    co_await logged_;
  }
  locked_ = false;
}

void Transaction::SendRecords() {
  bool changed = std::any_of(parts_.begin(), parts_.end(),
                             [](const auto& part) { return !part->capture.sink.empty(); });
  outstanding_ = parts_.size();
  for (auto& part : parts_) part->write_record = changed;
  if (changed && parts_.size() > 1) {
    SendMail(0, {.deliver = &CommitInOrder, .object = this});
  } else {
    SendToParts(&LogThere);
  }
}

// On shard 0. Recovery cuts each log at its first record of a transaction that is not whole or of a
// later one, so every log must hold its records in the order of their ids: ids are given when
// transactions end, and mail from here keeps that order.
void Transaction::CommitInOrder(Shard& here, const Envelope& mail) {
  auto* transaction = static_cast<Transaction*>(mail.object);
  transaction->id_ = here.sequencer().Assign(transaction->participant_ids_);
  transaction->SendToParts(&LogThere);
  here.PublishLostTxn();
}

void Transaction::LogThere(Shard& here, const Envelope& mail) {
  auto* part = static_cast<Part*>(mail.object);
  Transaction* transaction = part->transaction;
  if (part->write_record) transaction->AppendRecord(here, *part);
  if (!transaction->committed_) here.locks().Release(*part);
  SendMail(transaction->home_, {.deliver = &LoggedHome, .object = part});
}

void Transaction::LoggedHome(Shard&, const Envelope& mail) {
  auto* part = static_cast<Part*>(mail.object);
  Transaction* transaction = part->transaction;
  transaction->AddGate(part->shard, part->lsn);
  if (--transaction->outstanding_ == 0) transaction->logged_.Set();
}

void Transaction::UnlockThere(Shard& here, const Envelope& mail) {
  auto* part = static_cast<Part*>(mail.object);
  here.locks().Release(*part);
  SendMail(part->transaction->home_, {.deliver = &UnlockedHome, .object = part});
}

void Transaction::UnlockedHome(Shard&, const Envelope& mail) {
  Transaction* transaction = static_cast<Part*>(mail.object)->transaction;
  if (--transaction->outstanding_ == 0) transaction->unlocked_.Set();
}

void Transaction::AppendRecord(Shard& here, Part& part) {
  std::string_view payload = part.capture.sink.payload();
  if (id_ != 0) {
    part.lsn = here.log().AppendGroup(id_, participant_ids_, payload);
    here.NoteGroup(part.lsn, id_);
  } else {
    part.lsn = here.log().Append(payload);
  }
  here.keys().set_next_lsn(part.lsn + 1);
  here.keys().StampCapture(part.capture, part.lsn);
  if (home_ != here.id()) here.commits().Want(home_, part.lsn);
}

}  // namespace flashdb
