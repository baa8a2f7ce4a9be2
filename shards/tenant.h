// What lives in slots beside keys (topics): it changes only through the keyspace's door to the log,
// and its effects come back through it in replay. Used by its shard's thread only.
#pragma once

#include "base/coding.h"
#include "base/status.h"
#include "shards/effects.h"

namespace flashdb {

class Tenant {
 public:
  virtual ~Tenant() = default;

  /// Replays one effect of this tenant's range: reads its operands from `in` and does again what
  /// they tell, without logging. `lsn` is its record's. DataLoss if the operands are malformed.
  virtual Status Apply(EffectOp op, Decoder& in, Lsn lsn) = 0;
};

}  // namespace flashdb
