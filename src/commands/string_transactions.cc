#include "commands/string_transactions.h"

namespace flashdb::strings {

Task<void> MSetNx(TransactionContext& context) { return MSetNxIn(context); }

Task<void> Lcs(TransactionContext& context) { return LcsIn(context); }

Task<void> BitOp(TransactionContext& context) { return BitOpIn(context); }

}  // namespace flashdb::strings
