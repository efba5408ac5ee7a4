package io.diskengine.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.api.Fixture.Answer;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every route with wrong, missing and absurd values: status, code, message, nothing changed. */
final class BadInputTest {
  private static Fixture fixture;
  private static String before;

  /** One bad request; {@code message} is a part of the answer's. */
  private record Bad(
      String method, String path, String body, int status, String code, String message) {
    @Override
    public String toString() {
      String shown = body.length() > 60 ? body.substring(0, 60) + "..." : body;
      return method + " " + path + " " + shown;
    }
  }

  @BeforeAll
  static void start() {
    fixture = new Fixture("sn1", "sn2", "bm1", "bm2");
    ok(fixture.post("/v1/volumes?wait=10", volume("free", "4194304", "2")));
    ok(fixture.post("/v1/volumes?wait=10", volume("used", "4194304", "2")));
    ok(fixture.put("/v1/volumes/used/attachment?wait=10", "{\"node\":\"bm1\"}"));
    before = fixture.rows();
  }

  @AfterAll
  static void stop() {
    fixture.close();
  }

  private static void ok(Answer answer) {
    assertThat(answer.status()).isIn(200, 201);
  }

  private static String volume(String name, String size, String replicas) {
    return "{\"name\":\"" + name + "\",\"sizeBytes\":" + size + ",\"replicas\":" + replicas + "}";
  }

  private static final List<Bad> CASES = new ArrayList<>();

  private static void bad(
      String method, String path, String body, int status, String code, String message) {
    CASES.add(new Bad(method, path, body, status, code, message));
  }

  private static void create(String body, int status, String code, String message) {
    bad("POST", "/v1/volumes", body, status, code, message);
  }

  private static void attach(String body, int status, String code, String message) {
    bad("PUT", "/v1/volumes/free/attachment", body, status, code, message);
  }

  static {
    String name = "volume name \"%s\": must be 1-63 characters";
    create("", 400, "BAD_JSON", "the body is empty: send an object with the members name, size");
    create("nonsense", 400, "BAD_JSON", "the body is not JSON");
    create("[]", 400, "BAD_JSON", "not a JSON object");
    create("null", 400, "BAD_JSON", "not a JSON object");
    create("{\"name\":\"a\"", 400, "BAD_JSON", "the body is not JSON");
    create("{} {}", 400, "BAD_JSON", "the body is not JSON");
    create("{\"name\":\"a\",\"name\":\"b\"}", 400, "BAD_JSON", "Duplicate");
    create("[".repeat(5_000), 400, "BAD_JSON", "the body is not JSON");
    create("{}", 400, "MISSING_MEMBER", "name is missing: it must be 1-63");
    create("{\"name\":\"a\"}", 400, "MISSING_MEMBER", "sizeBytes is missing: it must be a whole");
    create("{\"size\":1}", 400, "UNKNOWN_MEMBER", "member \"size\": is not known: use name, sizeB");
    create("{\"name\":7}", 400, "WRONG_TYPE", "name \"7\": must be");
    create("{\"name\":null}", 400, "WRONG_TYPE", "name \"null\": must be");
    create(volume("a", "\"1GiB\"", "1"), 400, "WRONG_TYPE", "sizeBytes \"1GiB\": must be a whole");
    create(volume("a", "4194304.0", "1"), 400, "WRONG_TYPE", "sizeBytes \"4194304.0\"");
    create(volume("a", "true", "1"), 400, "WRONG_TYPE", "sizeBytes \"true\"");
    create(volume("a", "4194304", "\"2\""), 400, "WRONG_TYPE", "replicas \"2\": must be a whole");
    create(volume("a", "4194304", "null"), 400, "WRONG_TYPE", "replicas \"null\"");
    create(volume("", "4194304", "1"), 422, "INVALID_VALUE", name.formatted(""));
    create(volume("A", "4194304", "1"), 422, "INVALID_VALUE", name.formatted("A"));
    create(volume("-a", "4194304", "1"), 422, "INVALID_VALUE", name.formatted("-a"));
    create(volume("a b", "4194304", "1"), 422, "INVALID_VALUE", name.formatted("a b"));
    create(volume("../a", "4194304", "1"), 422, "INVALID_VALUE", name.formatted("../a"));
    create(volume("a\\u0000", "4194304", "1"), 422, "INVALID_VALUE", name.formatted("a?"));
    create(volume("a';--", "4194304", "1"), 422, "INVALID_VALUE", name.formatted("a';--"));
    create(volume("\u00e4", "4194304", "1"), 422, "INVALID_VALUE", name.formatted("\u00e4"));
    create(volume("a".repeat(64), "4194304", "1"), 422, "INVALID_VALUE", "must be 1-63");
    create(volume("a".repeat(9_000), "4194304", "1"), 422, "INVALID_VALUE", "...\": must be 1-63");
    for (String size :
        new String[] {
          "0", "-1", "1", "4194303", "4194305", "70368744177668", "9223372036854775807"
        }) {
      create(
          volume("a", size, "1"),
          422,
          "INVALID_VALUE",
          "sizeBytes \"" + size + "\": must be a whole number of bytes, a multiple of 4194304");
    }
    create(volume("a", "9223372036854775808", "1"), 422, "INVALID_VALUE", "9223372036854775808");
    create(volume("a", "1" + "0".repeat(500), "1"), 400, "BAD_JSON", "the body is not JSON");
    create(volume("a", "1e400", "1"), 400, "WRONG_TYPE", "sizeBytes");
    for (String replicas : new String[] {"0", "-1", "4", "4294967298"}) {
      create(
          volume("a", "4194304", replicas),
          422,
          "INVALID_VALUE",
          "replicas \"" + replicas + "\": must be a whole number from 1 to 3");
    }
    create(volume("a", "4194304", "3"), 409, "NO_PLACE", "need 3 failure domain(s) with room");
    create(volume("a", "70368744177664", "1"), 409, "NO_PLACE", "MiB are needed");
    create(volume("free", "8388608", "2"), 409, "ALREADY_EXISTS", "exists with 4MiB and 2 replica");
    create(volume("free", "4194304", "1"), 409, "ALREADY_EXISTS", "choose another name");
    create("{\"name\":\"" + "a".repeat(70_000) + "\"}", 413, "BODY_TOO_LARGE", "65536 bytes");
    bad(
        "POST",
        "/v1/volumes?wait=61",
        volume("a", "4194304", "1"),
        422,
        "INVALID_VALUE",
        "wait \"61\": must be a whole number from 0 to 60");
    bad("POST", "/v1/volumes?wait=-1", volume("a", "4194304", "1"), 422, "INVALID_VALUE", "wait");
    bad("POST", "/v1/volumes?wait=", volume("a", "4194304", "1"), 422, "INVALID_VALUE", "wait");
    bad(
        "POST",
        "/v1/volumes?wait=1&wait=2",
        volume("a", "4194304", "1"),
        422,
        "INVALID_VALUE",
        "wait \"1,2\": give it once");
    bad(
        "POST",
        "/v1/volumes?colour=red",
        volume("a", "4194304", "1"),
        400,
        "UNKNOWN_PARAMETER",
        "query parameter \"colour\": is not known here: use wait");

    attach("", 400, "BAD_JSON", "the body is empty");
    attach("{}", 400, "MISSING_MEMBER", "node is missing");
    attach("{\"node\":[]}", 400, "WRONG_TYPE", "node \"[]\"");
    attach("{\"node\":\"bm1\",\"force\":true}", 400, "UNKNOWN_MEMBER", "member \"force\"");
    attach("{\"node\":\"BM1\"}", 422, "INVALID_VALUE", "node name \"BM1\": must be 1-32");
    attach("{\"node\":\"nope\"}", 404, "NOT_FOUND", "there is no node nope");
    attach("{\"node\":\"sn1\"}", 409, "WRONG_STATE", "node sn1 is a storage-node: attach needs a");
    bad(
        "PUT",
        "/v1/volumes/nope/attachment",
        "{\"node\":\"bm1\"}",
        404,
        "NOT_FOUND",
        "there is no volume nope");
    bad(
        "PUT",
        "/v1/volumes/used/attachment",
        "{\"node\":\"bm2\"}",
        409,
        "ATTACHED_ELSEWHERE",
        "volume used is ATTACHED on node bm1: detach it first");
    bad("PUT", "/v1/volumes/A/attachment", "{\"node\":\"bm1\"}", 422, "INVALID_VALUE", "\"A\"");

    String wait = "wait \"soon\": must be a whole number from 0 to 60";
    for (String path : new String[] {"/v1/volumes/free", "/v1/volumes/used/attachment"}) {
      bad("DELETE", path + "?wait=soon", "", 422, "INVALID_VALUE", wait);
      bad("DELETE", path + "?colour=1", "", 400, "UNKNOWN_PARAMETER", "\"colour\"");
      bad("GET", path + "?wait=1", "", 400, "UNKNOWN_PARAMETER", "use none");
    }
    bad("DELETE", "/v1/volumes/used", "", 409, "WRONG_STATE", "used is attached: detach it first");
    for (String path : new String[] {"/v1/volumes/nope", "/v1/volumes/nope/attachment"}) {
      bad("DELETE", path, "", 404, "NOT_FOUND", "there is no volume nope");
      bad("GET", path, "", 404, "NOT_FOUND", "there is no volume nope");
      bad("GET", path.replace("nope", "%20"), "", 422, "INVALID_VALUE", "volume name \" \"");
    }
    String move = "/v1/volumes/used/move";
    bad("POST", move, "{}", 400, "MISSING_MEMBER", "node is missing");
    bad("POST", move, "{\"node\":\"BM\"}", 422, "INVALID_VALUE", "node name \"BM\"");
    bad("POST", move, "{\"node\":\"sn1\"}", 409, "WRONG_STATE", "needs a baremetal node");
    bad("POST", move, "{\"node\":\"nope\"}", 404, "NOT_FOUND", "there is no node nope");
    bad("POST", move, "{\"node\":\"bm2\",\"force\":1}", 400, "WRONG_TYPE", "must be true or false");
    String limits = "/v1/volumes/used/limits";
    bad("PUT", limits, "{\"iops\":1500}", 422, "INVALID_VALUE", "iops \"1500\": must be 0");
    bad("PUT", limits, "{\"iops\":-1000}", 422, "INVALID_VALUE", "iops \"-1000\"");
    bad("PUT", limits, "{\"mbps\":1000001}", 422, "INVALID_VALUE", "mbps \"1000001\"");
    bad("PUT", limits, "{\"mbps\":\"1\"}", 400, "WRONG_TYPE", "mbps \"1\"");
    String schedulability = "/v1/nodes/sn1/schedulability";
    bad(
        "PUT",
        schedulability,
        "{\"schedulability\":\"RESTING\"}",
        422,
        "INVALID_VALUE",
        "schedulability \"RESTING\": must be one of ACTIVE, CORDONED, DRAINING");
    bad("PUT", schedulability, "{}", 400, "MISSING_MEMBER", "schedulability is missing");
    String unknown = "/v1/nodes/nope/schedulability";
    bad("GET", unknown, "", 404, "NOT_FOUND", "there is no node nope");
    String size = "/v1/volumes/used/size";
    bad("PUT", size, "{\"sizeBytes\":4194305}", 422, "INVALID_VALUE", "sizeBytes \"4194305\"");
    bad("PUT", size, "{\"sizeBytes\":70368744177664}", 409, "NO_PLACE", "MiB are needed");
    String replica = "/v1/volumes/used/replicas/";
    bad("POST", replica + "x/move", "{}", 422, "INVALID_VALUE", "slot \"x\"");
    bad("POST", replica + "0/move", "{}", 409, "NO_PLACE", "need 1 failure domain(s) with room");
    bad("POST", replica + "7/move", "{}", 409, "WRONG_STATE", "none in slot 7");
    bad("POST", replica + "0/move", "{\"node\":\"bm1\"}", 404, "NOT_FOUND", "no storage node bm1");
    bad("GET", "/v1/volumes/free/attachment", "", 404, "NOT_FOUND", "free is not attached");
    for (String path : new String[] {"/v1/volumes", "/v1/nodes", "/v1/disks", "/v1/health"}) {
      bad("GET", path + "?x=1", "", 400, "UNKNOWN_PARAMETER", "query parameter \"x\"");
    }
    for (String limit : new String[] {"0", "1001", "-5", "1.5", "99999999999999999999", "all"}) {
      bad(
          "GET",
          "/v1/events?limit=" + limit,
          "",
          422,
          "INVALID_VALUE",
          "limit \"" + limit + "\": must be a whole number from 1 to 1000");
    }
    bad("GET", "/v1/events?before=0", "", 422, "INVALID_VALUE", "before \"0\"");
    bad("GET", "/v1/why/volume/nope", "", 404, "NOT_FOUND", "object \"volume/nope\": is not there");
    bad("GET", "/v1/why/volume/" + "9".repeat(300), "", 422, "INVALID_VALUE", "id \"999");
    bad("GET", "/v1/why/colour/red", "", 422, "INVALID_VALUE", "kind \"colour\": must be one of");
    bad("GET", "/v1/plan?node=nope&wait=1", "", 404, "NOT_FOUND", "there is no node nope");
    bad("GET", "/v1/plan?node=NOPE", "", 422, "INVALID_VALUE", "node name \"NOPE\"");
    bad("GET", "/v1/plan?wait=x", "", 422, "INVALID_VALUE", "wait \"x\"");

    bad("GET", "/", "", 404, "NO_SUCH_ROUTE", "path \"/\": is not part of the API");
    bad("GET", "/v2/volumes", "", 404, "NO_SUCH_ROUTE", "\"/v2/volumes\"");
    bad("GET", "/v1/why/volume", "", 404, "NO_SUCH_ROUTE", "see /v1/openapi.json");
    bad("PATCH", "/v1/volumes/free", "{}", 405, "METHOD_NOT_ALLOWED", "PATCH is not possible");
    bad("DELETE", "/v1/volumes", "", 405, "METHOD_NOT_ALLOWED", "DELETE is not possible here");
    bad("POST", "/v1/nodes", "{}", 405, "METHOD_NOT_ALLOWED", "POST is not possible here");
  }

  static Stream<Bad> cases() {
    return CASES.stream();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void badRequestIsExplainedAndChangesNothing(Bad bad) {
    String body = bad.method().matches("POST|PUT|PATCH") ? bad.body() : null;
    Answer answer = fixture.send(bad.method(), bad.path(), body);
    assertThat(answer.body().toString()).contains(bad.message().replace("\"", "\\\""));
    assertThat(answer.status()).isEqualTo(bad.status());
    assertThat(answer.text("code")).isEqualTo(bad.code());
    assertThat(answer.text("message")).doesNotContain("\n").hasSizeLessThan(500);
    assertThat(fixture.rows()).isEqualTo(before);
  }

  @Test
  void everyRouteHasCases() {
    for (String operation : Fixture.CONTRACT.operations()) {
      String[] parts = operation.split(" ");
      String regex = parts[1].replace(".", "\\.").replaceAll("\\{[a-z]+}", "[^/]+");
      if (!parts[1].equals("/v1/openapi.json")) {
        assertThat(CASES)
            .as(operation)
            .anyMatch(c -> c.method().equals(parts[0]) && c.path().split("\\?")[0].matches(regex));
      }
    }
  }

  @Test
  void bodyMustBeJsonByItsContentType() {
    for (String type : new String[] {"text/plain", "application/x-www-form-urlencoded"}) {
      Answer answer =
          fixture.send("POST", "/v1/volumes", volume("a", "4194304", "1"), "Content-Type", type);
      assertThat(answer.status()).isEqualTo(415);
      assertThat(answer.text("message"))
          .isEqualTo("Content-Type \"" + type + "\": must be application/json");
    }
    assertThat(fixture.rows()).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET /v1/volumes/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /v1/volumes/%2e%2e/x HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /v1/volumes/a%2Fb HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /v1/volumes\r\n\r\n",
        "BLARG\r\n\r\n",
        "POST /v1/volumes HTTP/1.1\r\nHost: x\r\nContent-Length: -4\r\n\r\n",
        "GET /v1/volumes HTTP/1.1\r\n\r\n",
      })
  void malformedHttpIsAnsweredWithoutPageOrTrace(String raw) throws IOException {
    String answer = exchange(raw);
    assertThat(answer).matches("(?s)HTTP/1.1 (400|404|422|505) .*");
    assertThat(answer).doesNotContain("<html", "Jetty", "\tat ");
    assertThat(fixture.rows()).isEqualTo(before);
    assertThat(fixture.get("/v1/health").status()).isEqualTo(200);
  }

  private static String exchange(String raw) throws IOException {
    try (Socket socket = new Socket("127.0.0.1", fixture.controller.uri().getPort())) {
      socket.setSoTimeout(5_000);
      socket.getOutputStream().write(raw.getBytes(StandardCharsets.US_ASCII));
      socket.shutdownOutput();
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
