// The server around the commands, and a client's connection, faked.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "commands/command.h"
#include "commands/engine.h"
#include "commands/session.h"

namespace flashdb::test {

class FakeLink final : public SessionLink {
 public:
  void Push(std::string_view bytes, std::span<const Gate> gates) override {
    pushed.append(bytes);
    push_gates.insert(push_gates.end(), gates.begin(), gates.end());
  }
  void AddUnsettled(std::vector<Gate>& gates) const override {
    gates.insert(gates.end(), unsettled.begin(), unsettled.end());
  }
  void Close(bool after_output) override {
    closed = true;
    closed_after_output = after_output;
  }
  size_t OutputBytes() const override { return output_bytes; }
  size_t InputBytes() const override { return 0; }
  LinkBuffers Buffers() const override { return buffers; }

  LinkBuffers buffers{.reading = true};
  size_t output_bytes = 0;
  std::string pushed;
  std::vector<Gate> push_gates;
  std::vector<Gate> unsettled;
  bool closed = false;
  bool closed_after_output = false;
};

class FakeServices final : public ServerServices {
 public:
  using Settings = std::vector<std::pair<std::string, std::string>>;

  Settings ConfigGet(const Engine& engine, std::string_view pattern) override;
  Task<Status> ConfigSet(Settings changes) override;
  bool CheckPassword(const Engine&, std::string_view given) override { return given == password; }
  bool PasswordRequired(const Engine&) override { return !password.empty(); }
  void RequestShutdown() override { shutdown_requested = true; }
  LogInfo DescribeLog(const Engine&) override { return log; }
  Status ConfigRewrite(const Engine&) override { return rewrite_result; }
  Task<void> Sleep(uint64_t micros) override;
  const Facts& facts() const override { return facts_; }

  Facts facts_;
  Settings settings = {{"maxmemory", "0"}, {"maxclients", "100"}, {"port", "6379"}};
  Status set_result = OkStatus();
  Status rewrite_result = OkStatus();
  std::string password;
  LogInfo log;
  uint64_t slept_micros = 0;
  bool shutdown_requested = false;
};

}  // namespace flashdb::test
