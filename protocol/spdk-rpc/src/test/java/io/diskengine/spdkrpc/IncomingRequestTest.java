package io.diskengine.spdkrpc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.spdkrpc.IncomingRequest.Call;
import io.diskengine.spdkrpc.IncomingRequest.Invalid;
import java.util.List;
import org.junit.jupiter.api.Test;

/** As recorded from SPDK v26.09-pre. */
class IncomingRequestTest {
  private static IncomingRequest.Message read(String json) {
    return IncomingRequest.read(json.replace('\'', '"').getBytes(UTF_8));
  }

  private static IncomingRequest one(String json) {
    IncomingRequest.Message message = read(json);
    assertThat(message.batch()).isFalse();
    return message.requests().getFirst();
  }

  @Test
  void idIsKeptAsItWasWritten() {
    for (String id :
        List.of("1", "'abc'", "1.5", "1.50", "1e5", "-0", "9007199254740993", "'a\\'b\\u00e4ö'")) {
      assertThat(one("{'jsonrpc':'2.0','id':" + id + ",'method':'m'}"))
          .isEqualTo(new Call(id.replace('\'', '"'), "m", null));
      assertThat(one("{'id' : " + id + " , 'method':'m'}"))
          .isEqualTo(new Call(id.replace('\'', '"'), "m", null));
    }
  }

  @Test
  void withoutIdItIsANotification() {
    for (String json :
        List.of("{'jsonrpc':'2.0','method':'m'}", "{'jsonrpc':'2.0','id':null,'method':'m'}")) {
      assertThat(((Call) one(json)).notification()).isTrue();
    }
  }

  @Test
  void versionMayBeMissingAndNullParamsAreNone() {
    assertThat(one("{'id':1,'method':'m'}")).isEqualTo(new Call("1", "m", null));
    assertThat(one("{'jsonrpc':'2.0','id':1,'method':'m','params':null}"))
        .isEqualTo(new Call("1", "m", null));
    Call call = (Call) one("{'jsonrpc':'2.0','id':1,'method':'m','params':{'a':[1,{}]}}");
    assertThat(call.params()).hasToString("{\"a\":[1,{}]}");
  }

  @Test
  void invalidRequestsLoseTheirId() {
    for (String json :
        List.of(
            "5",
            "'str'",
            "{}",
            "{'jsonrpc':'1.0','id':1,'method':'m'}",
            "{'jsonrpc':2.0,'id':1,'method':'m'}",
            "{'jsonrpc':'2.0','id':true,'method':'m'}",
            "{'jsonrpc':'2.0','id':[1],'method':'m'}",
            "{'jsonrpc':'2.0','id':1,'method':'m','extra':{'a':1}}",
            "{'jsonrpc':'2.0','id':1,'method':5}",
            "{'jsonrpc':'2.0','id':1,'method':{}}",
            "{'jsonrpc':'2.0','id':1}",
            "{'jsonrpc':'2.0','id':1,'id':2,'method':'m'}",
            "{'jsonrpc':'2.0','id':'" + "x".repeat(200) + "','method':'m'}",
            "[]")) {
      assertThat(one(json)).as(json).isEqualTo(new Invalid("null"));
    }
  }

  @Test
  void scalarParamsAreInvalidWithTheId() {
    assertThat(one("{'jsonrpc':'2.0','id':1,'method':'m','params':'x'}"))
        .isEqualTo(new Invalid("1"));
  }

  @Test
  void batchElementsAreReadOneByOne() {
    IncomingRequest.Message batch =
        read(
            "[{'id':7,'method':'a'}, 1 ,{'id':'x','method':'b','params':[{}]},['y'],{'method':'c'}]");
    assertThat(batch.batch()).isTrue();
    assertThat(batch.requests()).hasSize(5);
    assertThat(batch.requests().get(0)).isEqualTo(new Call("7", "a", null));
    assertThat(batch.requests().get(1)).isEqualTo(new Invalid("null"));
    assertThat(((Call) batch.requests().get(2)).idJson()).isEqualTo("\"x\"");
    assertThat(batch.requests().get(3)).isEqualTo(new Invalid("null"));
    assertThat(((Call) batch.requests().get(4)).notification()).isTrue();
  }

  @Test
  void whatIsNoJsonOrHasTooManyValuesIsMalformed() {
    for (String json : List.of("{a}", "{'a':1,}", "{'a' 1}", "[1 2]", "{'a':tru}", "'\\x'")) {
      assertThatThrownBy(() -> read(json)).as(json).isInstanceOf(MalformedJsonException.class);
    }
    String ones = "1,".repeat(9000) + "1";
    assertThatThrownBy(() -> read("{'id':1,'method':'m','params':[" + ones + "]}"))
        .hasMessageContaining("more than 8192 JSON values");
  }

  @Test
  void everyRecordedRequestIsRead() {
    for (Transcripts.Exchange exchange : Transcripts.ALL) {
      if (exchange.name().equals("1 params string")) {
        continue;
      }
      Call call = (Call) one(exchange.requestText());
      assertThat(call.method()).isEqualTo(exchange.method());
      assertThat(call.idJson()).isEqualTo(exchange.request().path("id").toString());
      assertThat(call.params()).isEqualTo(exchange.request().get("params"));
    }
  }
}
