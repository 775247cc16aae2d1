-- Each service has a database of its own; compose gives them to one server.
CREATE DATABASE tuan_market;
CREATE DATABASE tuan_mall;
CREATE DATABASE tuan_sandbox;
