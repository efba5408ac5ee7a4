package io.diskengine.engine.vhost;

/**
 * Numbers of the vhost-user protocol: header of three u32 (request, flags, payload size), then the
 * payload. Source: QEMU's docs/interop/vhost-user.rst.
 */
final class VhostMessage {
  static final int HEADER_BYTES = 12;
  static final int REQUEST = 0;
  static final int FLAGS = 4;
  static final int SIZE = 8;
  static final int PAYLOAD = 12;

  /** The longest payload that is accepted: a config space of 256 bytes with its header, rounded. */
  static final int MAX_PAYLOAD_BYTES = 1024;

  static final int MAX_DESCRIPTORS = 8;

  static final int VERSION = 1;
  static final int VERSION_MASK = 3;
  static final int FLAG_REPLY = 4;
  static final int FLAG_NEED_REPLY = 8;

  static final int GET_FEATURES = 1;
  static final int SET_FEATURES = 2;
  static final int SET_OWNER = 3;
  static final int RESET_OWNER = 4;
  static final int SET_MEM_TABLE = 5;
  static final int SET_VRING_NUM = 8;
  static final int SET_VRING_ADDR = 9;
  static final int SET_VRING_BASE = 10;
  static final int GET_VRING_BASE = 11;
  static final int SET_VRING_KICK = 12;
  static final int SET_VRING_CALL = 13;
  static final int SET_VRING_ERR = 14;
  static final int GET_PROTOCOL_FEATURES = 15;
  static final int SET_PROTOCOL_FEATURES = 16;
  static final int GET_QUEUE_NUM = 17;
  static final int SET_VRING_ENABLE = 18;
  static final int SET_BACKEND_REQ_FD = 21;
  static final int GET_CONFIG = 24;
  static final int SET_CONFIG = 25;
  static final int GET_INFLIGHT_FD = 31;
  static final int SET_INFLIGHT_FD = 32;

  /** Backend to frontend, on the channel of SET_BACKEND_REQ_FD. */
  static final int BACKEND_CONFIG_CHANGE = 2;

  static final long PROTOCOL_MQ = 1L;
  static final long PROTOCOL_REPLY_ACK = 1L << 3;
  static final long PROTOCOL_BACKEND_REQ = 1L << 5;
  static final long PROTOCOL_CONFIG = 1L << 9;
  static final long PROTOCOL_INFLIGHT_SHMFD = 1L << 12;
  static final long PROTOCOL_FEATURES =
      PROTOCOL_MQ
          | PROTOCOL_REPLY_ACK
          | PROTOCOL_BACKEND_REQ
          | PROTOCOL_CONFIG
          | PROTOCOL_INFLIGHT_SHMFD;

  /** The file descriptor of a KICK, CALL or ERR is missing; the low byte is the ring's index. */
  static final long VRING_NO_FD = 1L << 8;

  private VhostMessage() {}
}
