#include "cli/completion.h"

#include <fmt/format.h>

#include <vector>

#include "cli/app.h"
#include "cli/command.h"

namespace flashdb::cli {
namespace {

struct OptionWords {
  std::string name;  // with its dashes
  std::string description;
  bool takes_value = false;
  std::vector<std::string> choices;  // of its value
  bool is_file = false;
};

// One command, such as "topics create", and what may stand after it.
struct CommandWords {
  std::string path;
  std::string description;
  std::vector<std::pair<std::string, std::string>> subcommands;  // name, description
  std::vector<OptionWords> options;
  std::vector<std::string> choices;  // of words without dashes
  bool takes_topic = false;
  bool takes_group = false;
};

// The "a", "b" of a type name that ends in "{a,b}": that is how CLI11 shows a closed choice.
std::vector<std::string> ChoicesIn(const std::string& type_name) {
  const size_t open = type_name.find('{');
  const size_t close = type_name.find('}');
  if (open == std::string::npos || close == std::string::npos) return {};
  return CLI::detail::split(type_name.substr(open + 1, close - open - 1), ',');
}

OptionWords WordsOf(const CLI::Option& option) {
  OptionWords words;
  words.name = option.get_name(false, true);
  words.name = words.name.substr(words.name.rfind(',') + 1);
  words.description = option.get_description();
  words.takes_value = option.get_expected_min() > 0;
  words.choices = ChoicesIn(option.get_type_name());
  words.is_file = option.get_type_name() == "FILE";
  return words;
}

CommandWords WordsOf(const CLI::App& app, std::string path) {
  CommandWords words;
  words.path = std::move(path);
  words.description = app.get_description();
  for (const CLI::App* each : app.get_subcommands({})) {
    words.subcommands.emplace_back(each->get_name(), each->get_description());
  }
  for (const CLI::Option* each : app.get_options()) {
    if (!each->get_positional()) {
      words.options.push_back(WordsOf(*each));
      continue;
    }
    for (std::string& choice : ChoicesIn(each->get_type_name())) {
      words.choices.push_back(std::move(choice));
    }
    words.takes_topic = words.takes_topic || each->get_type_name() == "TOPIC";
    words.takes_group = words.takes_group || each->get_type_name() == "GROUP";
  }
  return words;
}

void Collect(const CLI::App& app, const std::string& path, std::vector<CommandWords>& all) {
  all.push_back(WordsOf(app, path));
  for (const CLI::App* each : app.get_subcommands({})) {
    Collect(*each, path.empty() ? each->get_name() : path + " " + each->get_name(), all);
  }
}

std::vector<CommandWords> Commands(const CLI::App& app) {
  std::vector<CommandWords> all;
  Collect(app, "", all);
  // Options of the whole are options of each.
  const std::vector<OptionWords> global = all[0].options;
  for (size_t i = 1; i < all.size(); ++i) {
    for (const OptionWords& option : global) {
      if (option.name != "--help" && option.name != "--version") all[i].options.push_back(option);
    }
  }
  return all;
}

// The words that make "command" longer, as alternatives of a shell's case.
std::string PathPatterns(const std::vector<CommandWords>& commands) {
  std::string patterns;
  for (const CommandWords& command : commands) {
    if (command.path.empty()) continue;
    patterns += (patterns.empty() ? "'" : "|'") + command.path + "'";
  }
  return patterns;
}

std::string Names(const CommandWords& command) {
  std::string names;
  for (const auto& [name, description] : command.subcommands) names += name + " ";
  for (const std::string& choice : command.choices) names += choice + " ";
  for (const OptionWords& option : command.options) names += option.name + " ";
  if (!names.empty()) names.pop_back();
  return names;
}

// bash and zsh: the cases of "$command $previous" whose value is completed, or is anything.
std::string ValueCases(const std::vector<CommandWords>& commands, std::string_view choose,
                       std::string_view files) {
  std::string cases;
  for (const CommandWords& command : commands) {
    for (const OptionWords& option : command.options) {
      if (!option.takes_value) continue;
      const std::string action =
          option.is_file ? std::string(files)
          : option.name == "--group"
              ? fmt::format(fmt::runtime(choose), "$(flashq groups list --names 2>/dev/null)")
          : option.choices.empty()
              ? ":"
              : fmt::format(fmt::runtime(choose), fmt::join(option.choices, " "));
      cases += fmt::format("    '{} {}') {}; return ;;\n", command.path, option.name, action);
    }
  }
  return cases;
}

std::string WordCases(const std::vector<CommandWords>& commands) {
  std::string cases;
  for (const CommandWords& command : commands) {
    std::string words = Names(command);
    if (command.takes_topic) words += " $(flashq topics list --names 2>/dev/null)";
    if (command.takes_group) words += " $(flashq groups list --names 2>/dev/null)";
    cases += fmt::format("    '{}') words=\"{}\" ;;\n", command.path, words);
  }
  return cases;
}

std::string Replace(std::string text, std::string_view mark, std::string_view by) {
  const size_t at = text.find(mark);
  return at == std::string::npos ? text : text.replace(at, mark.size(), by);
}

constexpr const char* kBash = R"(# bash completion for flashq; written by `flashq completion bash`.
_flashq() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD - 1]}"
  local command="" longer words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    longer="${command:+$command }${COMP_WORDS[i]}"
    case "$longer" in
      @PATHS@) command="$longer" ;;
    esac
  done
  case "$command $previous" in
@VALUES@  esac
  case "$command" in
@WORDS@  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _flashq flashq
)";

constexpr const char* kZsh = R"(#compdef flashq
# zsh completion for flashq; written by `flashq completion zsh`.
_flashq() {
  local current="${words[CURRENT]}" previous="${words[CURRENT - 1]}"
  local command="" longer i
  local -a given=("${words[@]}")
  for ((i = 2; i < CURRENT; i++)); do
    longer="${command:+$command }${given[i]}"
    case "$longer" in
      @PATHS@) command="$longer" ;;
    esac
  done
  case "$command $previous" in
@VALUES@  esac
  local words=""
  case "$command" in
@WORDS@  esac
  compadd -- ${=words}
}
if [ "$funcstack[1]" = "_flashq" ]; then
  _flashq "$@"
else
  compdef _flashq flashq
fi
)";

std::string FishQuoted(const std::string& text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

// When the words so far are those of `command`.
std::string FishCondition(const CommandWords& command) {
  return fmt::format("-n '__flashq_at \"{}\"'", command.path);
}

std::string FishOption(const CommandWords& command, const OptionWords& option) {
  std::string line = fmt::format("complete -c flashq {} -l {} -d {}", FishCondition(command),
                                 option.name.substr(2), FishQuoted(option.description));
  if (option.takes_value) line += option.is_file ? " -r -F" : " -x";
  if (!option.choices.empty()) line += fmt::format(" -a '{}'", fmt::join(option.choices, " "));
  if (option.name == "--group") line += " -a '(flashq groups list --names 2>/dev/null)'";
  return line + "\n";
}

std::string FishCommand(const CommandWords& command) {
  std::string lines;
  const std::string condition = FishCondition(command);
  for (const auto& [name, description] : command.subcommands) {
    lines += fmt::format("complete -c flashq {} -a {} -d {}\n", condition, name,
                         FishQuoted(description));
  }
  for (const std::string& choice : command.choices) {
    lines += fmt::format("complete -c flashq {} -a {}\n", condition, choice);
  }
  if (command.takes_topic) {
    lines += fmt::format("complete -c flashq {} -a '(flashq topics list --names 2>/dev/null)'\n",
                         condition);
  }
  if (command.takes_group) {
    lines += fmt::format("complete -c flashq {} -a '(flashq groups list --names 2>/dev/null)'\n",
                         condition);
  }
  for (const OptionWords& option : command.options) lines += FishOption(command, option);
  return lines;
}

constexpr const char* kFishHead =
    R"(# fish completion for flashq; written by `flashq completion fish`.
function __flashq_at
    set -l command
    for word in (commandline -opc)[2..-1]
        switch "$command $word"
            case @PATHS@
                set command (string trim "$command $word")
        end
    end
    test "$command" = "$argv[1]"
end
complete -c flashq -f
)";

struct ShellOptions {
  std::string shell;
};

Status Print(Context& context, const ShellOptions& options) {
  GlobalOptions unused;
  Command none;
  const auto app = MakeApp(&unused, &none);
  context.output().Raw(options.shell == "bash"  ? BashCompletion(*app)
                       : options.shell == "zsh" ? ZshCompletion(*app)
                                                : FishCompletion(*app));
  return OkStatus();
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  const auto commands = Commands(app);
  std::string text = Replace(kBash, "@PATHS@", PathPatterns(commands));
  text = Replace(text, "@VALUES@",
                 ValueCases(commands, "mapfile -t COMPREPLY < <(compgen -W \"{}\" -- \"$current\")",
                            "mapfile -t COMPREPLY < <(compgen -f -- \"$current\")"));
  return Replace(text, "@WORDS@", WordCases(commands));
}

std::string ZshCompletion(const CLI::App& app) {
  const auto commands = Commands(app);
  std::string text = Replace(kZsh, "@PATHS@", PathPatterns(commands));
  text = Replace(text, "@VALUES@", ValueCases(commands, "compadd -- {}", "_files"));
  return Replace(text, "@WORDS@", WordCases(commands));
}

std::string FishCompletion(const CLI::App& app) {
  const auto commands = Commands(app);
  std::string paths;
  for (const CommandWords& command : commands) {
    if (command.path.empty()) continue;
    // Before the first word "$command $word" starts with a space.
    const bool first = command.path.find(' ') == std::string::npos;
    paths += fmt::format("{}'{}{}'", paths.empty() ? "" : " ", first ? " " : "", command.path);
  }
  std::string text = Replace(kFishHead, "@PATHS@", paths);
  for (const CommandWords& command : commands) text += FishCommand(command);
  return text;
}

void AddCompletionCommand(CLI::App& root, Command* chosen) {
  CLI::App* completion = root.add_subcommand("completion", "a shell's completion script");
  auto options = std::make_shared<ShellOptions>();
  completion->add_option("shell", options->shell, "the shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  Choose(completion, chosen, options, &Print);
}

}  // namespace flashdb::cli
