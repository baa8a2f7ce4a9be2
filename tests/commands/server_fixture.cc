#include "tests/commands/server_fixture.h"

#include "commands/dispatch.h"

namespace flashdb::test {

ServerFixture::ServerFixture() {
  Status attached =
      shard_.Attach({.entries = 8, .receive_buffers = 2, .receive_buffer_bytes = 1024});
  EXPECT_TRUE(attached.ok()) << MessageOf(attached);
  Engine::SetCurrent(&engine_);
  services_.facts_.run_id = std::string(40, 'a');
  services_.facts_.node_ids = {std::string(40, 'b')};
  services_.facts_.port = 6379;
  services_.facts_.started_at = clock_.NowMillis();
  clock_.AdvanceMillis(5000);
  Connect();
}

ServerFixture::~ServerFixture() { Engine::SetCurrent(nullptr); }

ServerFixture::Client& ServerFixture::Connect() {
  clients_.push_back(std::make_unique<Client>());
  Client& client = *clients_.back();
  client.session.id = clients_.size();
  client.session.link = &client.link;
  client.session.peer_address = fmt::format("127.0.0.1:{}", 50000 + clients_.size());
  client.session.local_address = "127.0.0.1:6379";
  client.session.created_at = client.session.last_active_at = clock_.NowMillis();
  client.session.authenticated = true;
  engine_.sessions[client.session.id] = &client.session;
  return client;
}

std::string ServerFixture::Run(Client& client, std::string_view line) {
  std::vector<std::string_view> args;
  while (!line.empty()) {
    size_t end = std::min(line.find(' '), line.size());
    args.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return RunArgs(client, args);
}

std::string ServerFixture::RunArgs(Client& client, const std::vector<std::string_view>& args) {
  std::string out;
  ReplyWriter reply(out, client.session.protocol);
  std::string error;
  const Command* command = ResolveCommand(args, &error);
  if (command == nullptr) {
    reply.Error(error);
    return out;
  }
  std::vector<Gate> gates;
  SessionContext context{args, client.session, engine_, reply, &gates};
  if (command->session != nullptr) {
    command->session(context);
    return out;
  }
  bool ended = false;
  Detach([](const Command& row, SessionContext& at, bool& done) -> Task<void> {
    co_await row.session_task(at);
    done = true;
  }(*command, context, ended));
  EXPECT_TRUE(ended) << args[0] << " waits for something that never comes";
  return out;
}

}  // namespace flashdb::test
