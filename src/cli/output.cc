#include "cli/output.h"

#include <algorithm>

#include "cli/errors.h"
#include "cli/text.h"

namespace flashdb::cli {
namespace {

std::string_view CodeOf(Style style) {
  switch (style) {
    case Style::kPlain:
      return "0";
    case Style::kBold:
      return "1";
    case Style::kDim:
      return "2";
    case Style::kRed:
      return "31";
    case Style::kGreen:
      return "32";
    case Style::kYellow:
      return "33";
    case Style::kCyan:
      return "36";
  }
  return "0";
}

bool IsNumeric(std::string_view cell) {
  return cell.find_first_not_of("0123456789.,-%") == std::string_view::npos;
}

std::string Padded(const std::string& cell, size_t width, bool right) {
  const size_t own = DisplayWidth(cell);
  const std::string padding(width > own ? width - own : 0, ' ');
  return right ? padding + cell : cell + padding;
}

std::string WithoutTrailingSpaces(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

std::string WithStyle(Style style, std::string_view text) {
  return fmt::format("\x1b[{}m{}\x1b[0m", CodeOf(style), text);
}

void Table::Add(std::vector<std::string> cells) {
  cells.resize(titles_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::ToText(bool colors) const {
  std::vector<size_t> widths;
  std::vector<bool> right;
  for (size_t i = 0; i < titles_.size(); ++i) {
    size_t width = DisplayWidth(titles_[i]);
    bool numeric = !rows_.empty();
    for (const auto& row : rows_) {
      width = std::max(width, DisplayWidth(row[i]));
      numeric = numeric && IsNumeric(row[i]);
    }
    widths.push_back(width);
    right.push_back(numeric);
  }
  auto line_of = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      line += (i > 0 ? "  " : "") + Padded(cells[i], widths[i], right[i]);
    }
    return WithoutTrailingSpaces(std::move(line));
  };
  const std::string titles = line_of(titles_);
  std::string text = (colors ? WithStyle(Style::kBold, titles) : titles) + "\n";
  for (const auto& row : rows_) text += line_of(row) + "\n";
  return text;
}

void Output::PrintJson(const Json& document) { out_ << ToText(document) << '\n'; }
void Output::Print(const Table& table) { out_ << table.ToText(out_colors_); }
void Output::Line(std::string_view text) { out_ << text << '\n'; }
void Output::Raw(std::string_view bytes) { out_ << bytes; }
void Output::Note(std::string_view text) { err_ << text << std::endl; }

void Output::Error(const Status& status) {
  out_.flush();
  const std::string message = MessageOf(status);
  if (json_) {
    err_ << ToText({{"error", message}, {"exit_code", static_cast<int>(ExitCodeOf(status))}})
         << std::endl;
    return;
  }
  err_ << (err_colors_ ? WithStyle(Style::kRed, "flashq:") : "flashq:") << ' ' << message
       << std::endl;
}

std::string Output::Styled(Style style, std::string_view text) const {
  return out_colors_ ? WithStyle(style, text) : std::string(text);
}

Status Output::Flush() {
  out_.flush();
  return out_.good() ? OkStatus() : absl::UnknownError("standard output can't be written to");
}

}  // namespace flashdb::cli
