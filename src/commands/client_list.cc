// CLIENT LIST and the line that describes a client.
#include <algorithm>
#include <utility>

#include "base/numbers.h"
#include "commands/client.h"
#include "commands/engine.h"
#include "commands/metered.h"

namespace flashdb {
namespace {

using ClientLine = std::pair<uint64_t, std::string>;

std::string FlagLetters(const Session& session) {
  std::string letters;
  if (session.subscribed()) letters += 'P';
  if (session.in_multi) letters += 'x';
  if (session.postponed) letters += 'b';
  if (session.killed) letters += 'A';
  if (session.no_evict) letters += 'e';
  if (session.no_touch) letters += 'T';
  if (letters.empty()) letters += 'N';
  return letters;
}

struct ListFilter {
  std::optional<ClientType> type;
  std::optional<std::vector<uint64_t>> ids;
};

// Fills `filter`, or replies an error and returns false.
bool ParseListFilter(SessionContext& context, ListFilter& filter) {
  ArgView args = context.args;
  if (args.size() == 2) return true;
  if (args.size() == 4 && EqualsIgnoreCase(args[2], "type")) {
    filter.type = ParseClientType(args[3]);
    if (!filter.type) context.reply.Error(fmt::format("ERR Unknown client type '{}'", args[3]));
    return filter.type.has_value();
  }
  if (args.size() < 4 || !EqualsIgnoreCase(args[2], "id")) {
    context.reply.Error(kSyntaxError);
    return false;
  }
  filter.ids.emplace();
  for (std::string_view arg : args.subspan(3)) {
    auto id = ParseInt64(arg);
    if (!id) {
      context.reply.Error("ERR Invalid client ID");
      return false;
    }
    filter.ids->push_back(static_cast<uint64_t>(*id));
  }
  return true;
}

std::vector<ClientLine> LinesHere(const std::optional<ClientType>& type) {
  Engine& engine = Engine::Current();
  std::vector<ClientLine> lines;
  for (const auto& [id, session] : engine.sessions) {
    if (type && TypeOf(*session) != *type) continue;
    lines.emplace_back(id, DescribeClient(*session, engine.clock.NowMillis()));
  }
  return lines;
}

// All lines in the order of their ids, or those of `ids` in the order the client named them.
std::string JoinLines(std::vector<ClientLine> lines, const ListFilter& filter) {
  std::sort(lines.begin(), lines.end());
  std::string text;
  auto append = [&text](const ClientLine& line) { text.append(line.second).append("\n"); };
  if (!filter.ids) {
    std::for_each(lines.begin(), lines.end(), append);
    return text;
  }
  for (uint64_t id : *filter.ids) {
    auto it = std::lower_bound(lines.begin(), lines.end(), ClientLine(id, ""));
    if (it != lines.end() && it->first == id) append(*it);
  }
  return text;
}

}  // namespace

std::optional<ClientType> ParseClientType(std::string_view name) {
  if (EqualsIgnoreCase(name, "normal")) return ClientType::kNormal;
  if (EqualsIgnoreCase(name, "master")) return ClientType::kMaster;
  if (EqualsIgnoreCase(name, "replica")) return ClientType::kReplica;
  if (EqualsIgnoreCase(name, "slave")) return ClientType::kReplica;
  if (EqualsIgnoreCase(name, "pubsub")) return ClientType::kPubSub;
  return std::nullopt;
}

ClientType TypeOf(const Session& session) {
  return session.subscribed() ? ClientType::kPubSub : ClientType::kNormal;
}

bool IsPlainWord(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~'; });
}

std::string DescribeClient(const Session& session, UnixMillis now) {
  // Redis keeps the first replies in a fixed buffer of this size and the others in a list.
  constexpr size_t kReplyBuffer = 16 * 1024;
  const LinkBuffers buffers = session.link->Buffers();
  const size_t output = session.link->OutputBytes();
  const size_t listed = output - std::min(output, kReplyBuffer);
  const size_t memory = sizeof(Session) + buffers.input_bytes + buffers.input_free +
                        buffers.argument_bytes + session.queue_bytes +
                        std::max(buffers.output_allocated, output);
  return fmt::format(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} "
      "multi={} qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={} oll={} omem={} "
      "tot-mem={} events={}{} cmd={} user={} redir=-1 resp={} lib-name={} lib-ver={}",
      session.id, session.peer_address, session.local_address, session.fd, session.name,
      (now - session.created_at) / 1000, (now - session.last_active_at) / 1000,
      FlagLetters(session), session.db, session.channels.size(), session.patterns.size(),
      session.shard_channels.size(),
      session.in_multi ? static_cast<int64_t>(session.queue.size()) : -1, buffers.input_bytes,
      buffers.input_free, buffers.argument_bytes, session.queue_bytes, buffers.output_allocated,
      output, output - listed, (listed + kReplyBuffer - 1) / kReplyBuffer, listed, memory,
      buffers.reading ? "r" : "", buffers.writing ? "w" : "", session.last_command, session.user,
      session.protocol, session.lib_name, session.lib_version);
}

Task<void> ClientList(SessionContext& context) {
  ListFilter filter;
  if (!ParseListFilter(context, filter)) co_return;
  auto describe = [type = filter.type](ShardId) { return LinesHere(type); };
  std::vector<std::vector<ClientLine>> by_shard = co_await MeteredOnAll(context, describe);
  std::vector<ClientLine> lines;
  for (auto& part : by_shard) std::move(part.begin(), part.end(), std::back_inserter(lines));
  context.reply.Verbatim("txt", JoinLines(std::move(lines), filter));
}

}  // namespace flashdb
