// Stands in for the server in the tests of the harness: prints the ready line, answers whatever it
// receives with the bytes of its --reply flag ("+PONG\r\n" if there is none), dies of SIGTERM.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

namespace {

int Listen() {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener, 16) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::perror("listen");
    return -1;
  }
  std::fprintf(stderr, "some line\nready: listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  return listener;
}

void Serve(int connection, const std::string& reply) {
  char request[4096];
  while (read(connection, request, sizeof(request)) > 0) {
    if (reply.empty() || send(connection, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) break;
  }
  close(connection);
}

}  // namespace

int main(int argc, char** argv) {
  std::string reply = "+PONG\r\n";
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], "--reply") == 0) reply = argv[i + 1];
  }
  int listener = Listen();
  if (listener < 0) return 1;
  while (true) {
    int connection = accept(listener, nullptr, nullptr);
    if (connection >= 0) Serve(connection, reply);
  }
}
