package io.diskengine.engine.rpc;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;

/** The answers of one JSON-RPC batch, which go out together. */
final class RpcBatch {
  private final List<byte[]> done = new ArrayList<>();
  private int missing;

  RpcBatch(int size) {
    missing = size;
  }

  /** What can be sent now: nothing, or with the last answer the whole array. */
  byte[] add(byte[] answer) {
    if (answer.length > 0) {
      done.add(answer);
    }
    if (--missing > 0 || done.isEmpty()) {
      return new byte[0];
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] element : done) {
      out.write(out.size() == 0 ? '[' : ',');
      out.write(element, 0, element.length - 1);
    }
    out.write(']');
    out.write('\n');
    return out.toByteArray();
  }
}
