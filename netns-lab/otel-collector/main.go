// SPDX-License-Identifier: Apache-2.0

// Command otel-collector is OpenTelemetry's own collector with what the lab needs of it: it takes traces over OTLP and
// prints them. The project publishes its distributions as programs only, so this one is put together from its modules.
package main

import (
	"context"
	"log"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter/debugexporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry"
	"go.uber.org/zap"
)

func main() {
	settings := otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "otel-collector", Version: "lab"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()},
			DefaultScheme:     "file",
		}},
	}
	if err := otelcol.NewCommand(settings).Execute(); err != nil {
		log.Fatal(err)
	}
}

func factories() (found otelcol.Factories, err error) {
	found.Telemetry = telemetry.NewFactory(func() component.Config { return &struct{}{} }, telemetry.WithCreateLogger(logger))
	found.Receivers, err = otelcol.MakeFactoryMap(otlpreceiver.NewFactory())
	if err == nil {
		found.Exporters, err = otelcol.MakeFactoryMap(debugexporter.NewFactory())
	}
	return found, err
}

// logger writes to the standard error. Measures of the collector itself go nowhere.
func logger(context.Context, telemetry.LoggerSettings, component.Config) (*zap.Logger, component.ShutdownFunc, error) {
	made, err := zap.NewDevelopment()
	return made, nil, err
}
