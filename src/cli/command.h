// The commands: each family adds its words to the command line, in a file of its own.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "cli/context.h"

namespace flashdb::cli {

using Command = std::function<Status(Context&)>;

/// The words of a command, and what they do: `*chosen` becomes the one that was written.
void AddTopicsCommands(CLI::App& root, Command* chosen);
void AddProduceCommand(CLI::App& root, Command* chosen);
void AddFetchCommand(CLI::App& root, Command* chosen);
void AddSubscribeCommand(CLI::App& root, Command* chosen);
void AddGroupsCommands(CLI::App& root, Command* chosen);
void AddOffsetsCommands(CLI::App& root, Command* chosen);
void AddBenchCommand(CLI::App& root, Command* chosen);
void AddHealthCommand(CLI::App& root, Command* chosen);
void AddCompletionCommand(CLI::App& root, Command* chosen);
void AddDemoCommand(CLI::App& root, Command* chosen);

/// Makes `run` what `app` does, with the options that are filled while the words are read.
template <typename Options>
void Choose(CLI::App* app, Command* chosen, std::shared_ptr<Options> options,
            Status (*run)(Context&, const Options&)) {
  app->callback([=] {
    // The callback of `topics` comes after that of `topics create`, and means `topics list`.
    if (*chosen) return;
    *chosen = [=](Context& context) { return run(context, *options); };
  });
}

}  // namespace flashdb::cli
