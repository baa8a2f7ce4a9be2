#include "server/config_rewrite.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "io/posix_file.h"
#include "io/replace_file.h"
#include "server/config_file.h"
#include "server/config_parameters.h"

namespace flashdb {
namespace {

constexpr std::string_view kBanner = "# Written by CONFIG REWRITE";

std::string Quoted(std::string_view value) {
  std::string text = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return text + '"';
}

bool IsPlain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-_./:*,%+@").find(c) != std::string_view::npos;
}

std::string LineOf(const Parameter& parameter, const Config& config) {
  const std::string value = parameter.Get(config);
  const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), IsPlain);
  return fmt::format("{} {}", parameter.name, plain ? value : Quoted(value));
}

// Whether reading this one line into the defaults gives what `config` has.
bool Says(const Parameter& parameter, std::string_view value, const Config& config) {
  Config alone;
  return parameter.Set(alone, value).ok() && parameter.Get(alone) == parameter.Get(config);
}

class Rewriter {
 public:
  explicit Rewriter(const Config& config) : config_(config) {}

  Status AddLine(std::string_view line) {
    FLASHDB_ASSIGN_OR_RETURN(std::optional<ConfigLine> setting, ParseConfigLine(line));
    if (!setting) {
      banner_ |= line == kBanner;
      Append(line);
      return OkStatus();
    }
    const Parameter* parameter = FindParameter(setting->name);
    if (parameter == nullptr) {
      return absl::InvalidArgumentError(
          fmt::format("the file has a line for '{}', which is no setting", setting->name));
    }
    if (std::find(written_.begin(), written_.end(), parameter->key()) != written_.end()) {
      return OkStatus();  // its first line says it all now
    }
    written_.push_back(parameter->key());
    Append(Says(*parameter, setting->value, config_) ? line : LineOf(*parameter, config_));
    return OkStatus();
  }

  std::string Finish() {
    const Config defaults;
    for (const Parameter& parameter : Parameters()) {
      const bool remembered = parameter.form != Parameter::Form::kNone;
      if (!parameter.is_flag() && !(remembered && parameter.alias_of.empty())) continue;
      if (parameter.Get(config_) == parameter.Get(defaults)) continue;
      if (std::find(written_.begin(), written_.end(), parameter.key()) != written_.end()) continue;
      if (!banner_) Append(kBanner);
      banner_ = true;
      Append(LineOf(parameter, config_));
    }
    return std::move(text_);
  }

 private:
  void Append(std::string_view line) { text_.append(line).append("\n"); }

  const Config& config_;
  std::string text_;
  std::vector<std::string_view> written_;
  bool banner_ = false;
};

StatusOr<std::string> ReadText(FileSystem& files, const std::string& path) {
  FLASHDB_ASSIGN_OR_RETURN(std::unique_ptr<File> file, files.OpenForRead(path));
  FLASHDB_ASSIGN_OR_RETURN(uint64_t size, file->Size());
  std::string text(size, '\0');
  FLASHDB_ASSIGN_OR_RETURN(size_t got,
                           file->ReadAt(0, {reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  text.resize(got);
  return text;
}

}  // namespace

StatusOr<std::string> RewrittenConfigText(std::string_view text, const Config& config) {
  Rewriter rewriter(config);
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    FLASHDB_RETURN_IF_ERROR(rewriter.AddLine(line));
  }
  return rewriter.Finish();
}

Status RewriteConfigFile(const Config& config) {
  PosixFileSystem files;
  FLASHDB_ASSIGN_OR_RETURN(std::string before, ReadText(files, config.config_file));
  FLASHDB_ASSIGN_OR_RETURN(std::string text, RewrittenConfigText(before, config));
  return ReplaceFile(files, config.config_file,
                     {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

}  // namespace flashdb
