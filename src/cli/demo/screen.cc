#include "cli/demo/screen.h"

#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "cli/interrupt.h"

namespace flashdb::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kForever(-1);

bool IsDumb() {
  const char* terminal = std::getenv("TERM");
  return terminal != nullptr && std::string_view(terminal) == "dumb";
}

}  // namespace

bool IsQuit(const Status& status) { return absl::IsAborted(status) && status.message() == "quit"; }

Screen::Screen(Context& context, bool automatic)
    : context_(context),
      automatic_(automatic),
      redraws_(context.streams().out_terminal && !IsDumb()) {
  if (automatic_ || !context.streams().in_terminal) return;
  termios settings{};
  if (tcgetattr(context.streams().in, &settings) != 0) return;
  saved_ = settings;
  settings.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  tcsetattr(context.streams().in, TCSANOW, &settings);
}

Screen::~Screen() {
  if (saved_) tcsetattr(context_.streams().in, TCSANOW, &*saved_);
}

void Screen::Heading(int number, int count, std::string_view title) {
  Output& output = context_.output();
  output.Line("");
  output.Line(output.Styled(Style::kBold, fmt::format("[{}/{}] {}", number, count, title)));
}

void Screen::Say(std::string_view text) { context_.output().Line(text); }

void Screen::Command(std::string_view text) {
  Output& output = context_.output();
  output.Line(output.Styled(Style::kCyan, fmt::format("  $ {}", text)));
}

void Screen::Result(std::string_view text) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) context_.output().Line("  " + line);
}

void Screen::Good(std::string_view text) {
  context_.output().Line(context_.output().Styled(Style::kGreen, text));
}

void Screen::Live(const std::vector<std::string>& lines) {
  Output& output = context_.output();
  if (lines == live_) return;
  if (redraws_ && !live_.empty()) output.Raw(fmt::format("\x1b[{}A", live_.size()));
  for (const std::string& line : lines) {
    output.Line(redraws_ ? fmt::format("\x1b[K  {}", line) : "  " + line);
  }
  live_ = lines;
}

void Screen::EndLive() { live_.clear(); }

StatusOr<char> Screen::NextKey(milliseconds time) {
  FLASHDB_RETURN_IF_ERROR(context_.output().Flush());
  const int keys = automatic_ ? -1 : context_.streams().in;
  pollfd events[2] = {{.fd = keys, .events = POLLIN, .revents = 0},
                      {.fd = Interrupt::descriptor(), .events = POLLIN, .revents = 0}};
  const int ready = poll(events, 2, static_cast<int>(time.count()));
  if (Interrupt::requested()) return absl::CancelledError("interrupted");
  if (ready <= 0 || events[0].revents == 0) return '\0';
  char key = '\0';
  // A terminal that has gone can't be asked any more.
  if (read(keys, &key, 1) <= 0) return absl::CancelledError("the input has ended");
  if (key == 'q' || key == 'Q') return absl::AbortedError("quit");
  return key;
}

Status Screen::WaitForEnter(std::string_view what) {
  if (automatic_) return Pause(milliseconds(0));
  Output& output = context_.output();
  output.Raw(output.Styled(Style::kDim, fmt::format("  -- Enter: {}   q: quit -- ", what)));
  while (true) {
    FLASHDB_ASSIGN_OR_RETURN(char key, NextKey(kForever));
    if (key != '\n' && key != '\r') continue;
    output.Raw(redraws_ ? "\r\x1b[K" : "\n");
    return OkStatus();
  }
}

Status Screen::Pause(milliseconds time) {
  const auto deadline = Clock::now() + time;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    FLASHDB_ASSIGN_OR_RETURN(char key, NextKey(std::max(left, milliseconds(0))));
    if (key == '\0' && Clock::now() >= deadline) return OkStatus();
  }
}

}  // namespace flashdb::cli
