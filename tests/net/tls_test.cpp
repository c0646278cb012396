// TLS from inside, with a client of OpenSSL's own over a socket pair: what needs small numbers and odd moments to be seen.
// Settings, files and other people's clients are tested from outside, in tests/acceptance/tls.py.
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/tls_handshakes.hpp"
#include "tests/base/temporary_directory.hpp"

namespace trefoil::net {
namespace {

using Then = Transfer::Then;

// A key and a certificate that it has signed itself, as files.
void writeIdentity(const std::string& key_path, const std::string& certificate_path) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  constexpr long kDay = 24 * 60 * 60;
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kDay);
  X509_set_pubkey(certificate.get(), key.get());
  REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) != 0);
  const std::unique_ptr<FILE, decltype(&std::fclose)> key_file(std::fopen(key_path.c_str(), "w"), &std::fclose);
  const std::unique_ptr<FILE, decltype(&std::fclose)> certificate_file(std::fopen(certificate_path.c_str(), "w"), &std::fclose);
  REQUIRE(PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  REQUIRE(PEM_write_X509(certificate_file.get(), certificate.get()) == 1);
}

struct Identity {
  Identity() { writeIdentity(directory / "key", directory / "certificate"); }
  [[nodiscard]] Result<std::shared_ptr<const TlsContext>> context(std::map<Setting, std::string> changes = {}) const {
    const Settings defaults;
    changes.insert({{Setting::kTlsKeyFile, directory / "key"},
                    {Setting::kTlsCertFile, directory / "certificate"},
                    {Setting::kTlsAuthClients, "no"}});
    return TlsContext::create([&](Setting setting) {
      const auto found = changes.find(setting);
      return found != changes.end() ? found->second : defaults.valueText(setting);
    });
  }
  testing::TemporaryDirectory directory;
};

// The other side, which blocks.
class TlsClient {
 public:
  explicit TlsClient(int socket) : context_(SSL_CTX_new(TLS_client_method())), tls_(SSL_new(context_)), socket_(socket) {
    SSL_set_fd(tls_, socket);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient() {
    SSL_free(tls_);
    SSL_CTX_free(context_);
    ::close(socket_);
  }
  [[nodiscard]] bool connect() const { return SSL_connect(tls_) == 1; }
  [[nodiscard]] bool send(std::string_view bytes) const {
    return SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
  }
  // Up to `size` bytes; fewer at the end.
  [[nodiscard]] std::string read(std::size_t size) const {
    std::string out(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const int count = SSL_read(tls_, out.data() + got, static_cast<int>(size - got));
      if (count <= 0) {
        break;
      }
      got += static_cast<std::size_t>(count);
    }
    out.resize(got);
    return out;
  }
  [[nodiscard]] bool wasToldTheEnd() const { return (SSL_get_shutdown(tls_) & SSL_RECEIVED_SHUTDOWN) != 0; }
  void finish() const { SSL_shutdown(tls_); }

 private:
  SSL_CTX* context_;
  SSL* tls_;
  int socket_;
};

struct Sockets {
  Sockets() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    server = ends[0];
    client = ends[1];
    REQUIRE(::fcntl(server, F_SETFL, O_NONBLOCK) == 0);
  }
  int server = -1;
  int client = -1;
};

// A channel whose handshake is complete, and its client.
struct Pair {
  explicit Pair(const TlsContext& context) {
    const Sockets sockets;
    channel = std::make_unique<TlsChannel>(sockets.server, context);
    client = std::make_unique<TlsClient>(sockets.client);
    std::thread connecting([&] { connected = client->connect(); });
    Then then = Then::kWait;
    while (then == Then::kWait) {
      await(POLLIN);
      then = channel->handshake();
    }
    connecting.join();
    REQUIRE(then == Then::kMore);
    REQUIRE(connected);
  }
  void await(short events) const {
    pollfd polled{channel->socket(), events, 0};
    REQUIRE(::poll(&polled, 1, 30'000) == 1);
  }
  std::unique_ptr<TlsChannel> channel;
  std::unique_ptr<TlsClient> client;
  bool connected = false;
};

TEST_CASE("a TLS channel reads all records that have come, and says when there are no more") {
  const Identity identity;
  const auto context = identity.context();
  REQUIRE(context.ok());
  const Pair pair(**context);
  std::array<char, 64> room{};
  CHECK(pair.channel->read(room).then == Then::kWait);
  REQUIRE(pair.client->send("one"));
  REQUIRE(pair.client->send("two"));
  pair.await(POLLIN);
  Transfer transfer = pair.channel->read(room);
  CHECK(std::string(room.data(), transfer.bytes) == "onetwo");
  CHECK(transfer.then == Then::kWait);
  // A room that is full before the record is: the rest is in OpenSSL, and no event will tell of it.
  REQUIRE(pair.client->send(std::string(100, 'x')));
  pair.await(POLLIN);
  transfer = pair.channel->read(room);
  CHECK((transfer.bytes == 64 && transfer.then == Then::kMore));
  transfer = pair.channel->read(room);
  CHECK((transfer.bytes == 36 && transfer.then == Then::kWait));
  // The end is told alone, behind the last bytes.
  REQUIRE(pair.client->send("last"));
  pair.client->finish();
  pair.await(POLLIN);
  transfer = pair.channel->read(room);
  CHECK(std::string(room.data(), transfer.bytes) == "last");
  CHECK(transfer.then == Then::kMore);
  transfer = pair.channel->read(room);
  CHECK((transfer.bytes == 0 && transfer.then == Then::kEnd));
  CHECK(pair.channel->write("answer").bytes == 6);
  CHECK(pair.client->read(6) == "answer");
}

TEST_CASE("a TLS channel writes what fits and goes on where it was, from wherever the bytes lie then") {
  const Identity identity;
  const auto context = identity.context();
  REQUIRE(context.ok());
  const Pair pair(**context);
  std::string bytes(5'000'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(i * 7 + i / 251);
  }
  std::string received;
  std::thread reading;
  std::string rest = bytes;
  bool had_to_wait = false;
  while (!rest.empty()) {
    const std::string elsewhere(rest);
    const Transfer transfer = pair.channel->write(elsewhere);
    REQUIRE(transfer.then != Then::kBroken);
    rest.erase(0, transfer.bytes);
    if (transfer.then == Then::kWait) {
      if (!std::exchange(had_to_wait, true)) {
        reading = std::thread([&] { received = pair.client->read(bytes.size()); });
      }
      pair.await(POLLOUT);
    }
  }
  REQUIRE(had_to_wait);
  reading.join();
  CHECK(received == bytes);
  pair.channel->shutdown();
  CHECK(pair.client->read(1).empty());
  CHECK(pair.client->wasToldTheEnd());
}

TEST_CASE("bytes that are no TLS break the channel, and it stays broken") {
  const Identity identity;
  const auto context = identity.context();
  REQUIRE(context.ok());
  const Sockets sockets;
  TlsChannel channel(sockets.server, **context);
  REQUIRE(::send(sockets.client, "PING\r\n", 6, 0) == 6);
  CHECK(channel.handshake() == Then::kBroken);
  CHECK_FALSE(tlsErrorText().empty());
  std::array<char, 8> room{};
  CHECK(channel.read(room).then == Then::kBroken);
  CHECK(channel.write("x").then == Then::kBroken);
  channel.shutdown();
  ::close(sockets.client);
}

TEST_CASE("what a context cannot be made of is named") {
  const Identity identity;
  struct Row {
    Setting setting;
    std::string value;
    std::string error;
  };
  const std::string key = identity.directory / "key";
  const std::vector<Row> rows = {
      {Setting::kTlsCertFile, "/no/such", "tls-cert-file '/no/such': No such file or directory"},
      {Setting::kTlsCertFile, "", "tls-cert-file and tls-key-file are needed"},
      {Setting::kTlsCertFile, key, "tls-cert-file '" + key + "': no start line"},
      {Setting::kTlsKeyFile, "/no/such", "tls-key-file '/no/such': No such file or directory"},
      {Setting::kTlsAuthClients, "yes", "tls-ca-cert-file or tls-ca-cert-dir is needed when tls-auth-clients is yes"},
      {Setting::kTlsProtocols, "TLSv1.1", "tls-protocols: there are 'TLSv1.2' and 'TLSv1.3', not 'TLSv1.1'"},
      {Setting::kTlsCiphers, "nonsense", "tls-ciphers 'nonsense': no cipher match"},
  };
  for (const Row& row : rows) {
    const auto context = identity.context({{row.setting, row.value}});
    REQUIRE_FALSE(context.ok());
    CHECK(context.error().message == row.error);
  }
}

// Those whom handshakes have let in.
struct Admitted {
  void add(NewClient client) {
    const std::lock_guard lock(mutex);
    clients.push_back(std::move(client));
    changed.notify_all();
  }
  bool await(std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(30), [&] { return clients.size() >= count; });
  }
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<NewClient> clients;
};

TEST_CASE("who stalls in a handshake is let go: the oldest when there are too many, everybody in the end") {
  const Identity identity;
  const auto context = identity.context();
  REQUIRE(context.ok());
  Admitted admitted;
  auto handshakes = TlsHandshakes::start(Env::system(), {.patience_us = 300'000, .half_open = 3},
                                         [&](NewClient client) { admitted.add(std::move(client)); });
  REQUIRE(handshakes.ok());
  const auto begin = [&] {
    const Sockets sockets;
    (*handshakes)
        ->begin(std::make_unique<TlsChannel>(sockets.server, **context),
                {.protocol = &kRespProtocol, .channel = nullptr, .address = "peer"});
    return sockets.client;
  };
  const auto ends = [](int socket) {
    char byte = 0;
    const bool ended = ::recv(socket, &byte, 1, 0) == 0;
    ::close(socket);
    return ended;
  };
  std::vector<int> stalled;
  for (int i = 0; i < 10; ++i) {
    stalled.push_back(begin());
  }
  const TlsClient client(begin());
  CHECK(client.connect());
  REQUIRE(admitted.await(1));
  CHECK(admitted.clients[0].address == "peer");
  for (const int socket : stalled) {
    CHECK(ends(socket));
  }
  // Ending closes who is not through.
  const int last = begin();
  handshakes->reset();
  CHECK(ends(last));
  CHECK(admitted.clients.size() == 1);
}

}  // namespace
}  // namespace trefoil::net
