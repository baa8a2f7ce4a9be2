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
  if (!locked_ || !write_) return nullptr;
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
    SendMail(parts_[0]->shard, {.deliver = &LockThere, .object = parts_[0].get()});
  } else {
    SendMail(0, {.deliver = &Sequence, .object = this});
  }
  co_await granted_;
  for (auto& part : parts_) {
    if (part->refusal.has_value()) co_return part->refusal;
  }
  co_return std::nullopt;
}

void Transaction::Sequence(Shard&, const Envelope& mail) {
  auto* transaction = static_cast<Transaction*>(mail.object);
  for (auto& part : transaction->parts_) {
    SendMail(part->shard, {.deliver = &LockThere, .object = part.get()});
  }
}

void Transaction::LockThere(Shard& here, const Envelope& mail) {
  auto* part = static_cast<Part*>(mail.object);
  if (here.locks().Acquire(*part)) GrantedThere(*part);
}

void Transaction::GrantedThere(LockRequest& lock) {
  auto* part = static_cast<Part*>(&lock);
  if (part->transaction->write_) {
    Shard& here = Shard::Current();
    part->refusal = here.RefusesWrite(part->bytes);
    if (!part->refusal && part->transaction->parts_.size() > 1 && here.commits().AnyFailed()) {
      part->refusal =
          "MISCONF The log of another shard has failed; transactions over several shards are "
          "refused. Check the disk and restart the server.";
    }
  }
  SendMail(part->transaction->home_, {.deliver = &GrantedHome, .object = part});
}

void Transaction::GrantedHome(Shard&, const Envelope& mail) {
  Transaction* transaction = static_cast<Part*>(mail.object)->transaction;
  if (--transaction->outstanding_ == 0) transaction->granted_.Set();
}

Task<void> Transaction::Finish() {
  if (!locked_) co_return;
  bool changed = std::any_of(parts_.begin(), parts_.end(),
                             [](const auto& part) { return !part->capture.sink.empty(); });
  outstanding_ = parts_.size();
  for (auto& part : parts_) part->write_record = changed;
  if (changed && parts_.size() > 1) {
    SendMail(0, {.deliver = &CommitInOrder, .object = this});
  } else {
    for (auto& part : parts_)
      SendMail(part->shard, {.deliver = &FinishThere, .object = part.get()});
  }
  co_await finished_;
  locked_ = false;
}

// On shard 0. Recovery cuts each log at its first record of a transaction that is not whole or of a
// later one, so every log must hold its records in the order of their ids: ids are given when
// transactions end, and mail from here keeps that order.
void Transaction::CommitInOrder(Shard& here, const Envelope& mail) {
  auto* transaction = static_cast<Transaction*>(mail.object);
  transaction->id_ = here.sequencer().Assign();
  here.sequencer().End(transaction->id_, static_cast<uint32_t>(transaction->parts_.size()));
  for (auto& part : transaction->parts_) {
    SendMail(part->shard, {.deliver = &FinishThere, .object = part.get()});
  }
}

void Transaction::FinishThere(Shard& here, const Envelope& mail) {
  auto* part = static_cast<Part*>(mail.object);
  Transaction* transaction = part->transaction;
  if (part->write_record) transaction->AppendRecord(here, *part);
  here.locks().Release(*part);
  SendMail(transaction->home_, {.deliver = &FinishedHome, .object = part});
}

void Transaction::AppendRecord(Shard& here, Part& part) {
  std::string_view payload = part.capture.sink.payload();
  if (id_ != 0) {
    part.lsn = here.log().AppendGroup(id_, participant_ids_, payload);
    here.commits().NoteGroup(part.lsn, id_);
  } else {
    part.lsn = here.log().Append(payload);
  }
  here.keys().set_next_lsn(part.lsn + 1);
  here.keys().StampCapture(part.capture, part.lsn);
  if (home_ != here.id()) here.commits().Want(home_, part.lsn);
}

void Transaction::FinishedHome(Shard&, const Envelope& mail) {
  auto* part = static_cast<Part*>(mail.object);
  Transaction* transaction = part->transaction;
  transaction->AddGate(part->shard, part->lsn);
  if (--transaction->outstanding_ == 0) transaction->finished_.Set();
}

}  // namespace flashdb
