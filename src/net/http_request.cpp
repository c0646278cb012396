#include "net/http_request.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>

namespace trefoil::net {
namespace {

namespace http = boost::beast::http;

std::string_view toStd(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// "/metrics" of "/metrics?x#y", "http://host/metrics" (which a proxy sends).
std::string_view pathOf(std::string_view target) {
  if (!target.starts_with('/')) {
    const std::size_t authority = target.find("://");
    if (authority == std::string_view::npos) {
      return target;  // "*", or an authority: no path of ours
    }
    target.remove_prefix(authority + 3);
    target.remove_prefix(std::min(target.find_first_of("/?#"), target.size()));
    if (!target.starts_with('/')) {
      return "/";
    }
  }
  return target.substr(0, target.find_first_of("?#"));
}

HttpRequest::Method methodOf(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return HttpRequest::Method::kGet;
    case http::verb::head:
      return HttpRequest::Method::kHead;
    case http::verb::unknown:
      return HttpRequest::Method::kUnknown;
    default:
      return HttpRequest::Method::kOther;
  }
}

int statusFor(const boost::beast::error_code& error) {
  if (error == http::error::header_limit) {
    return 431;
  }
  if (error == http::error::body_limit) {
    return 413;
  }
  return error == http::error::bad_version ? 505 : 400;
}

}  // namespace

HttpOutcome HttpRequestParser::fail(int status) {
  status_ = status;
  return HttpOutcome::kError;
}

HttpOutcome HttpRequestParser::next(std::string_view input) {
  if (input.size() < waiting_for_) {
    return HttpOutcome::kNeedMore;
  }
  waiting_for_ = 0;
  // Empty lines before a request are to be ignored (RFC 9112, 2.2).
  const std::size_t begin = std::min(input.find_first_not_of("\r\n"), input.size());
  if (begin > kMaxHeaderBytes) {
    return fail(400);
  }
  http::request_parser<http::empty_body> beast;
  beast.header_limit(kMaxHeaderBytes);
  beast.body_limit(kMaxBodyBytes);
  boost::beast::error_code error;
  std::size_t at = begin;
  while (!beast.is_header_done() && at < input.size() && !error) {
    at += beast.put(boost::asio::buffer(input.data() + at, input.size() - at), error);
  }
  if (error && error != http::error::need_more) {
    return fail(statusFor(error));
  }
  if (!beast.is_header_done()) {
    return HttpOutcome::kNeedMore;
  }
  const auto& head = beast.get();
  // Exactly one Host, or the peers disagree about who is meant (RFC 9112, 3.2).
  const std::size_t hosts = head.count(http::field::host);
  request_.is_http_11 = head.version() >= 11;
  if (hosts > 1 || (hosts == 0 && request_.is_http_11)) {
    return fail(400);
  }
  // Who asks before it sends a body gets the answer instead of a "100 Continue", and the body does not come.
  const bool body_is_known = !beast.chunked() && head.count(http::field::expect) == 0;
  end_ = at + (body_is_known ? beast.content_length().value_or(0) : 0);
  if (input.size() < end_) {
    waiting_for_ = end_;
    return HttpOutcome::kNeedMore;
  }
  request_.keep_alive = body_is_known && head.keep_alive();
  request_.path = pathOf(toStd(head.target()));
  request_.method = methodOf(head.method());
  return HttpOutcome::kRequest;
}

}  // namespace trefoil::net
