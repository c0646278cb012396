#include "net/http_protocol.hpp"

#include <array>
#include <ctime>
#include <string>

#include "engine/session.hpp"

namespace trefoil::net {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";

struct Route {
  std::string_view path;
  std::array<std::string_view, 2> words;
  std::size_t word_count;
  std::string_view content_type;
};

constexpr auto kRoutes = std::to_array<Route>({
    {"/health", {"PING", "ok"}, 2, kText},
    {"/metrics", {"METRICS"}, 1, "text/plain; version=0.0.4; charset=utf-8"},
    {"/ready", {"READY"}, 1, kText},
});

std::string_view reasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

// "Sun, 06 Nov 1994 08:49:37 GMT", whatever the locale.
std::string dateNow() {
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 64> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
      kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return {text.data(), static_cast<std::size_t>(size)};
}

// Answers of one text each: a body with its head.
class HttpReply final : public Reply {
 public:
  HttpReply(ByteBuffer& out, const HttpExchange& exchange) : out_(out), exchange_(exchange) {}

  void simple(std::string_view text) override { respond(200, std::string(text) + '\n'); }
  void bulk(std::string_view bytes) override { simple(bytes); }
  void verbatim(std::string_view text) override { respond(200, text); }
  void error(const Error& error) override {
    const bool is_refusal = exchange_.refusal != 0;
    respond(is_refusal ? exchange_.refusal : 503, (is_refusal ? error.message : redisErrorText(error)) + '\n');
  }

  // No route has a statement that answers so.
  void integer(std::int64_t) override { TREFOIL_ASSERT(false); }
  void null() override { TREFOIL_ASSERT(false); }
  void nullArray() override { TREFOIL_ASSERT(false); }
  void real(double) override { TREFOIL_ASSERT(false); }
  void boolean(bool) override { TREFOIL_ASSERT(false); }
  void array(std::size_t) override { TREFOIL_ASSERT(false); }
  void map(std::size_t) override { TREFOIL_ASSERT(false); }
  void set(std::size_t) override { TREFOIL_ASSERT(false); }
  void beginTable(std::span<const sql::ColumnInfo>, TableForm) override { TREFOIL_ASSERT(false); }
  void rows(const sql::Chunk&) override { TREFOIL_ASSERT(false); }
  void endTable() override { TREFOIL_ASSERT(false); }
  void affected(std::string_view, std::int64_t) override { TREFOIL_ASSERT(false); }
  void done(std::string_view) override { TREFOIL_ASSERT(false); }

  [[nodiscard]] Mark mark() const override { return {out_.size()}; }
  void rewind(Mark mark) override { out_.truncate(mark.position); }

 private:
  void respond(int status, std::string_view body) {
    std::string head = "HTTP/1.1 " + std::to_string(status) + ' ' + std::string(reasonOf(status));
    head += "\r\nDate: " + dateNow();
    head += "\r\nContent-Type: " + std::string(status == 200 ? exchange_.content_type : kText);
    head += "\r\nContent-Length: " + std::to_string(body.size());
    head += "\r\nCache-Control: no-store";
    if (status == 405) {
      head += "\r\nAllow: GET, HEAD";
    }
    if (!exchange_.keep_alive) {
      head += "\r\nConnection: close";
    } else if (!exchange_.is_http_11) {
      head += "\r\nConnection: keep-alive";
    }
    head += "\r\n\r\n";
    out_.append(head);
    if (!exchange_.without_body) {
      out_.append(body);
    }
  }

  ByteBuffer& out_;
  const HttpExchange& exchange_;
};

}  // namespace

const ProtocolType kHttpProtocol = {
    .create = [](const Session&, const Settings&) -> std::unique_ptr<Protocol> { return std::make_unique<HttpProtocol>(); },
    .patience_s = 75,
    .has_messages = false,
    .denied = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    .too_many_clients = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    .out_of_memory = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
};

Protocol::Cut HttpProtocol::cut(std::string_view input, Batch& batch) {
  Cut cut;
  exchange_ = {};
  const HttpOutcome outcome = parser_.next(input);
  if (outcome == HttpOutcome::kNeedMore) {
    cut.more = false;
    return cut;
  }
  if (outcome == HttpOutcome::kError) {
    exchange_.refusal = parser_.status();
    cut.more = false;
    cut.refuses = cut.ends = true;
    return cut;
  }
  const HttpRequest& request = parser_.request();
  cut.size = parser_.consumed();
  cut.ends = !request.keep_alive;
  exchange_.without_body = request.method == HttpRequest::Method::kHead;
  exchange_.keep_alive = request.keep_alive;
  exchange_.is_http_11 = request.is_http_11;
  const auto* const route =
      std::find_if(kRoutes.begin(), kRoutes.end(), [&](const Route& each) { return each.path == request.path; });
  if (request.method == HttpRequest::Method::kUnknown) {
    exchange_.refusal = 501;
  } else if (route == kRoutes.end()) {
    exchange_.refusal = 404;
  } else if (request.method == HttpRequest::Method::kOther) {
    exchange_.refusal = 405;
  }
  cut.refuses = exchange_.refusal != 0;
  if (!cut.refuses) {
    exchange_.content_type = route->content_type;
    if (batch.words.empty()) {
      batch.words.resize(1);
    }
    batch.words[0].assign(route->words.begin(), route->words.begin() + static_cast<std::ptrdiff_t>(route->word_count));
    batch.statements.emplace_back().args = batch.words[0];
    batch.ends.push_back(cut.size);
  }
  return cut;
}

void HttpProtocol::refuse(Reply& reply) {
  reply.error(Error(ErrorCode::kInvalid, std::string(reasonOf(exchange_.refusal))));
}

std::unique_ptr<Reply> HttpProtocol::replyInto(ByteBuffer& out) {
  return std::make_unique<HttpReply>(out, exchange_);
}

}  // namespace trefoil::net
