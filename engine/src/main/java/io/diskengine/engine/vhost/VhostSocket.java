package io.diskengine.engine.vhost;

import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.SocketCalls;
import io.diskengine.engine.linux.UnixMessage;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;

/**
 * The messages of one vhost-user connection: one request at a time with the descriptors that came
 * with it, and its reply in the same memory. Never blocks.
 */
final class VhostSocket {
  private static final int EAGAIN = -11;

  /** EMSGSIZE: a reply that the socket's buffer did not take whole. */
  private static final int NOT_ALL = -90;

  /** What became of {@link #receive}. */
  enum Received {
    MESSAGE,
    /** The rest is to come. */
    NOT_YET,
    /** See {@link #failure}. */
    FAILED
  }

  private final int socket;
  private final UnixMessage messages;
  private final long message;
  private final int[] fds = new int[VhostMessage.MAX_DESCRIPTORS];
  private int fdCount;
  private int received;
  private String failure = "";

  /** {@code arena} outlives the connection. */
  VhostSocket(int socket, Arena arena) {
    this.socket = socket;
    messages = new UnixMessage(arena, VhostMessage.MAX_DESCRIPTORS);
    message =
        arena.allocate(VhostMessage.HEADER_BYTES + VhostMessage.MAX_PAYLOAD_BYTES, 8).address();
  }

  int fd() {
    return socket;
  }

  // ---- the request

  int request() {
    return NativeMemory.getInt(message + VhostMessage.REQUEST);
  }

  int flags() {
    return NativeMemory.getInt(message + VhostMessage.FLAGS);
  }

  /** Address of the payload, which a reply's payload overwrites. */
  long payload() {
    return message + VhostMessage.PAYLOAD;
  }

  int payloadBytes() {
    return NativeMemory.getInt(message + VhostMessage.SIZE);
  }

  /** Why {@link #receive} failed, for people. */
  String failure() {
    return failure;
  }

  /** Reads on; a whole message stays until {@link #done}. */
  Received receive() {
    while (true) {
      int want =
          received < VhostMessage.HEADER_BYTES
              ? VhostMessage.HEADER_BYTES
              : VhostMessage.HEADER_BYTES + payloadBytes();
      if (received == want) {
        return Received.MESSAGE;
      }
      int got =
          messages.receive(socket, message + received, want - received, SocketCalls.MSG_DONTWAIT);
      if (got == EAGAIN) {
        return Received.NOT_YET;
      }
      if (got <= 0) {
        failure = got == 0 ? "the frontend left" : "receive failed with errno " + -got;
        return Received.FAILED;
      }
      keepDescriptors();
      received += got;
      if (received == VhostMessage.HEADER_BYTES
          && (payloadBytes() < 0 || payloadBytes() > VhostMessage.MAX_PAYLOAD_BYTES)) {
        failure = "a message of " + Integer.toUnsignedString(payloadBytes()) + " bytes";
        return Received.FAILED;
      }
    }
  }

  private void keepDescriptors() {
    for (int i = 0; i < messages.descriptorCount(); i++) {
      if (fdCount < fds.length) {
        fds[fdCount++] = messages.descriptor(i);
      } else {
        FileCalls.close(messages.descriptor(i));
      }
    }
  }

  /** The message was handled: the next one may be read. */
  void done() {
    received = 0;
  }

  // ---- descriptors

  /** Those of the message that nobody has taken; the first {@link #descriptorCount} are valid. */
  int[] descriptors() {
    return fds;
  }

  int descriptorCount() {
    return fdCount;
  }

  /** The first descriptor of the message, which is then the caller's; -1 when there is none. */
  int takeFd() {
    if (fdCount == 0) {
      return -1;
    }
    int fd = fds[0];
    fdCount--;
    System.arraycopy(fds, 1, fds, 0, fdCount);
    FileCalls.setNonBlocking(fd, true);
    return fd;
  }

  /** Closes what nobody has taken. */
  void closeDescriptors() {
    for (int i = 0; i < fdCount; i++) {
      FileCalls.close(fds[i]);
    }
    fdCount = 0;
  }

  // ---- replies

  /** Sends the payload's first bytes as the answer to {@code request}; 0 or an errno below 0. */
  int reply(int request, int payloadBytes, int... passed) {
    NativeMemory.putInt(message + VhostMessage.REQUEST, request);
    NativeMemory.putInt(
        message + VhostMessage.FLAGS, VhostMessage.VERSION | VhostMessage.FLAG_REPLY);
    NativeMemory.putInt(message + VhostMessage.SIZE, payloadBytes);
    int bytes = VhostMessage.HEADER_BYTES + payloadBytes;
    int sent =
        messages.send(
            socket, message, bytes, SocketCalls.MSG_DONTWAIT | SocketCalls.MSG_NOSIGNAL, passed);
    return sent == bytes ? 0 : sent < 0 ? sent : NOT_ALL;
  }

  void shutdown() {
    SocketCalls.shutdown(socket, SocketCalls.SHUT_RDWR);
  }

  void close() {
    closeDescriptors();
    FileCalls.close(socket);
  }
}
