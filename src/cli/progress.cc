#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace flashdb::cli {
namespace {

constexpr size_t kWidth = 30;
constexpr std::string_view kEraseLine = "\r\x1b[K";

}  // namespace

std::string ProgressLine(std::string_view title, double done, std::string_view detail) {
  done = std::clamp(done, 0.0, 1.0);
  const auto filled = static_cast<size_t>(done * kWidth);
  return fmt::format("{} [{}{}] {:3.0f} %  {}", title, std::string(filled, '#'),
                     std::string(kWidth - filled, '.'), done * 100, detail);
}

ProgressBar::~ProgressBar() {
  if (on_) out_ << kEraseLine << std::flush;
}

void ProgressBar::Show(double done, std::string_view detail) {
  if (on_) out_ << kEraseLine << ProgressLine(title_, done, detail) << std::flush;
}

}  // namespace flashdb::cli
