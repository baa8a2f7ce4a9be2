// Empty weak stand-ins for families that a test binary does not link, so that the table can be
// built from those it does.
#include "commands/command.h"

namespace flashdb {

#define FLASHDB_ABSENT(Family) \
  __attribute__((weak)) std::span<const Command> Family() { return {}; }

FLASHDB_ABSENT(StringCommands)
FLASHDB_ABSENT(GenericCommands)
FLASHDB_ABSENT(HashCommands)
FLASHDB_ABSENT(PubSubCommands)
FLASHDB_ABSENT(TransactionCommands)
FLASHDB_ABSENT(ConnectionCommands)
FLASHDB_ABSENT(ClientCommands)
FLASHDB_ABSENT(ServerCommands)
FLASHDB_ABSENT(ClusterCommands)

}  // namespace flashdb
