package io.diskengine.engine.host;

/** Where a controller is, or is going; texts are SPDK's. */
enum ControllerState {
  CONNECTING("connecting"),
  ENABLED("enabled"),
  RESETTING("resetting"),
  RECONNECT_IS_DELAYED("reconnect_is_delayed"),
  DISABLED("disabled"),
  FAILED("failed"),
  DELETING("deleting");

  final String text;

  ControllerState(String text) {
    this.text = text;
  }
}
